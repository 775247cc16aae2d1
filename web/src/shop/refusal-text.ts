/** Why something could not be shown, and what the buyer can do next. */
import { Refusal } from "@/api/refusal";
import { t } from "@/ui/language";

/** What the buyer can do next; the page that shows the text knows how. */
export type NextStep = "retry" | "open_team" | "reload" | "see_orders" | "sign_in" | "go_home";

export type Explanation = { title: string; advice: string; step: NextStep };

export const SIGN_IN: Explanation = {
  title: "需要先登录",
  advice: "登录后会回到这里继续。",
  step: "sign_in",
};

/** Why a page could not be shown. */
export function explainPage(error: unknown): Explanation {
  if (!(error instanceof Refusal)) {
    return told({ title: "网络连接不上", advice: "请检查网络，然后再试一次。", step: "retry" });
  }
  if (error.status === 401) return told(SIGN_IN);
  if (error.status === 404) {
    return told({
      title: "没有找到你要看的内容",
      advice: "它可能已经下架，或者链接不完整。",
      step: "go_home",
    });
  }
  if (error.status === 429) {
    return told({ title: "刷新得太快了", advice: "歇几秒再试一次。", step: "retry" });
  }
  return {
    title: t("服务器暂时没有回应"),
    advice: `${t("稍等几秒再试一次。")}${reference(error)}`,
    step: "retry",
  };
}

export function told({ title, advice, step }: Explanation): Explanation {
  return { title: t(title), advice: t(advice), step };
}

export function reference({ requestId }: Refusal): string {
  return requestId ? t("如果一直这样，请把编号 {id} 告诉客服。", { id: requestId }) : "";
}
