import { spoken } from "../language";
import type { Role } from "../types";

const leads: { zh: Record<Role, string>; en: Record<Role, string> } = {
  zh: {
    viewer: "只能看，什么也改不了。",
    operator: "管活动、开关、重发通知等日常工作。",
    admin: "另外管来源、密钥和操作员。",
  },
  en: {
    viewer: "Looks, and changes nothing.",
    operator: "Daily work: campaigns, switches, redelivery.",
    admin: "Also sources, keys and operators.",
  },
};

export const words = spoken({
  zh: {
    title: "操作员",
    lead: "谁能进后台、能做到哪一步。",
    name: "用户名",
    nameHint: "字母、数字、短横线",
    role: "角色",
    roleLeads: leads.zh,
    created: "任命于",
    state: "状态",
    active: "在用",
    disabled: "已停用",
    you: "你自己",
    appoint: "任命操作员",
    password: "密码",
    passwordHint: "至少 12 个字符，请当面或用安全的方式告诉对方",
    changeRole: "改角色",
    changeRoleOf: (name: string) => `改 ${name} 的角色`,
    resetPassword: "重设密码",
    resetPasswordOf: (name: string) => `重设 ${name} 的密码`,
    resetNote: "对方会立刻在所有地方退出登录。",
    disable: "停用",
    disableTitle: (name: string) => `停用 ${name}`,
    disableWhat: ["对方立刻在所有地方退出登录，再也不能登录。", "操作记录会保留。停用不能恢复。"],
  },
  en: {
    title: "Operators",
    lead: "Who may enter, and how far they may go.",
    name: "Name",
    nameHint: "Letters, digits, dashes",
    role: "Role",
    roleLeads: leads.en,
    created: "Appointed",
    state: "State",
    active: "active",
    disabled: "dismissed",
    you: "you",
    appoint: "Appoint",
    password: "Password",
    passwordHint: "Twelve characters or more; hand it over safely",
    changeRole: "Role",
    changeRoleOf: (name: string) => `The role of ${name}`,
    resetPassword: "Password",
    resetPasswordOf: (name: string) => `A new password for ${name}`,
    resetNote: "Signs them out everywhere, at once.",
    disable: "Dismiss",
    disableTitle: (name: string) => `Dismiss ${name}`,
    disableWhat: [
      "Signs them out everywhere, for good.",
      "What they did stays on record. It cannot be undone.",
    ],
  },
});
