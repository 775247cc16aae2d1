/** What the services refuse, in the operator's words. In English the service's own sentence stands. */
import { Refusal } from "@/api/refusal";
import { spoken } from "./language";

const CHINESE: Record<string, string> = {
  invalid_request: "有一项内容不合要求",
  not_found: "没有找到，可能已被删除",
  not_signed_in: "需要重新登录",
  wrong_name_or_password: "用户名或密码不对",
  too_many_tries: "尝试次数太多，请一刻钟后再试",
  not_permitted: "你的角色没有这项权限",
  forbidden: "请求不是从本站页面发出的",
  name_taken: "这个用户名已有人使用",
  last_admin: "至少要留下一位管理员",
  campaign_not_draft: "只有草稿可以发布，它已经不是草稿了",
  campaign_not_live: "只有进行中的活动可以结束",
  campaign_ended: "活动已结束，不能再改",
  campaign_unknown: "没有这个活动",
  discount_unknown: "没有这个优惠",
  segment_unknown: "没有这个人群",
  source_unknown: "没有这个来源",
  window_reversed: "结束时间要晚于开始时间",
  window_past: "结束时间已经过去了",
  source_exists: "这个来源编号已存在",
  key_revoked: "这把密钥已经吊销",
  endpoint_disabled: "这个地址已停用",
  address_not_public: "地址必须是公网可达的 https 地址",
  no_test_event: "这种格式没有测试消息",
  no_segment: "没有这个人群",
  no_rule: "这个人群还没有规则",
  segment_exists: "这个人群编号已存在",
  rule_decides: "成员由规则决定，删除规则后才能导入名单",
  import_exists: "这次导入已经开始过了，请重新选择文件",
  import_abandoned: "上传中断，名单没有导入任何人",
  product_exists: "这个商品编号已存在",
  order_moved_on: "订单已经不在那一步了，请刷新看看",
  already_paid: "订单已经付款，只能退款",
  second_operator_needed: "你申请的退款，要另一位操作员处理",
  refund_request_decided: "这笔退款已经有人处理了",
  refund_request_expired: "退款申请已过期，请重新申请",
  another_trade: "这笔付款已由另一笔交易付过",
  refund_made: "这笔退款已经到账",
  job_not_waiting: "这个任务正在做，或已经结束",
  day_not_over: "这一天还没过完，没有账单",
  break_ended: "这个差异已经结束了",
  audit_under_way: "有一次检查正在进行，请等它结束",
  sign_in_unknown: "商城暂时无法确认你的身份，请稍后再试",
  not_a_list: "名单要是 .csv 或 .txt 文件，一行一个买家编号",
  body_too_large: "文件太大",
  overloaded: "服务繁忙，请稍后再试",
  unreachable: "服务暂时连不上，请稍后再试",
  internal_error: "服务出错了",
  refund_pending: "网关还在处理退款",
  untrusted_answer: "网关的回答验不过签名",
  no_listing: "这件商品没有拼团",
  listing_changed: "这件商品换了活动",
  campaign_closed: "活动不在进行",
  take_limit_reached: "买家已到参加次数上限",
  audience_restricted: "活动不对这位买家开放",
  downgraded: "拼团已降级",
  outside_rollout: "买家不在切量范围内",
  source_blocked: "来源或渠道在黑名单里",
  too_many_requests: "买家操作太频繁",
  team_full: "团已满员",
  team_closed: "团已结束",
  wrong_team: "团不属于这个活动",
  already_in_team: "买家已在这个团里",
  order_number_reused: "订单号已用于另一笔交易",
  seat_gone: "座位已不在",
};

const words = spoken({
  zh: {
    offline: "连不上服务，请检查网络后重试",
    broken: "服务没有正常回答",
    trace: (id: string) => `请求编号 ${id}`,
    of: (error: Refusal) => CHINESE[error.code] ?? error.message,
    code: (code: string) => CHINESE[code] ?? code,
  },
  en: {
    offline: "The service cannot be reached. Check the network and try again.",
    broken: "The service did not answer properly.",
    trace: (id: string) => `Request ${id}`,
    of: (error: Refusal) => error.message,
    code: (code: string) => (code in CHINESE ? code.replaceAll("_", " ") : code),
  },
});

/** A code by itself, as it stands on an order or a refund; what only a gateway knows is said in its own letters. */
export function codeText(code: string): string {
  return words.value.code(code);
}

export function refusalText(error: unknown): string {
  if (!(error instanceof Refusal)) return words.value.offline;
  if (error.code === "unknown") return words.value.broken;
  const said = words.value.of(error);
  return error.code === "invalid_request" && said !== error.message ? `${said}：${error.message}` : said;
}

/** What finds a failure in the services' logs; empty where it would help nobody. */
export function refusalTrace(error: unknown): string {
  return error instanceof Refusal && error.status >= 500 && error.requestId
    ? words.value.trace(error.requestId)
    : "";
}

export function isDenied(error: unknown): boolean {
  return error instanceof Refusal && error.code === "not_permitted";
}

export function isMissing(error: unknown): boolean {
  return error instanceof Refusal && error.status === 404;
}
