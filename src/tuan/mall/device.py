"""What a browser calls itself, in words its owner knows it by: whatever it says, the words are ours."""

from typing import Final

# In the order in which to look: many call themselves by their ancestors' names as well.
SYSTEMS: Final = (
    ("HarmonyOS", "鸿蒙设备"),
    ("OpenHarmony", "鸿蒙设备"),
    ("Android", "安卓设备"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows 电脑"),
    ("Mac OS X", "Mac 电脑"),
    ("Linux", "Linux 电脑"),
)
BROWSERS: Final = (
    ("MicroMessenger", "微信"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("QQBrowser", "QQ 浏览器"),
    ("UCBrowser", "UC 浏览器"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)


def device_of(user_agent: str) -> str:
    system = next((name for word, name in SYSTEMS if word in user_agent), "未知设备")
    browser = next((name for word, name in BROWSERS if word in user_agent), "浏览器")
    return f"{system}上的 {browser}"
