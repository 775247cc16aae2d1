/** The gateways as operators call them. */
import { spoken } from "./language";

type Names = Readonly<Record<string, string>>;
const names = spoken<Names>({
  zh: { alipay: "支付宝", wechatpay: "微信支付" },
  en: { alipay: "Alipay", wechatpay: "WeChat Pay" },
});

export function gatewayName(gateway: string): string {
  return names.value[gateway] ?? gateway;
}
