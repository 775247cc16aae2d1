import { spoken } from "../language";
import type { Role } from "../types";

const roles: { zh: Record<Role, string>; en: Record<Role, string> } = {
  zh: { viewer: "只读", operator: "运营", admin: "管理员" },
  en: { viewer: "Viewer", operator: "Operator", admin: "Admin" },
};

export const words = spoken({
  zh: {
    brand: "运营后台",
    roles: roles.zh,
    signIn: "登录",
    signInLead: "拼团与商城，在一处看管。",
    again: "会话已结束，请重新登录",
    againLead: "页面上填写的内容都还在，登录后接着完成。",
    name: "用户名",
    password: "密码",
    signOut: "退出登录",
    keys: "快捷键",
    menu: "打开菜单",
    otherLanguage: "English",
    rooms: "房间",
    keySearch: "搜索",
    keyNew: "新建",
    keyRows: "下一行 / 上一行",
    keyEnter: "打开这一行",
    keyEscape: "关闭弹窗",
    keyHelp: "显示这张表",
  },
  en: {
    brand: "Console",
    roles: roles.en,
    signIn: "Sign in",
    signInLead: "Group buying and the mall, looked after in one place.",
    again: "Your session has ended",
    againLead: "Everything you typed is still here; sign in to go on.",
    name: "Name",
    password: "Password",
    signOut: "Sign out",
    keys: "Keyboard",
    menu: "Open the menu",
    otherLanguage: "中文",
    rooms: "Rooms",
    keySearch: "Search",
    keyNew: "New",
    keyRows: "Next row / previous row",
    keyEnter: "Open the row",
    keyEscape: "Close a dialog",
    keyHelp: "Show this table",
  },
});
