"""Seven products to try the shop with. The market's demo campaigns name the same goods."""

from tuan.kernel.db import Pool, transaction
from tuan.mall import store_product
from tuan.mall.product import Product


async def load_demo(pool: Pool) -> None:
    """Fills an empty shop; a shop that sells anything is left as it is."""
    async with transaction(pool) as connection:
        if not await store_product.is_stocked(connection):
            await store_product.add(connection, DEMO_PRODUCTS)


def _product(id: str, title: str, subtitle: str, list_fen: int, *paragraphs: str) -> Product:
    return Product(
        id=id,
        title=title,
        subtitle=subtitle,
        description="\n\n".join(paragraphs),
        pictures=[f"/goods/{id}-{n}.svg" for n in (1, 2)],
        list_fen=list_fen,
    )


DEMO_PRODUCTS = (
    _product(
        "9890001",
        "《手写MyBatis：渐进式源码实践》",
        "从零写一个 ORM 框架，读懂源码背后的设计",
        100_00,
        "跟着书里的步骤，从一个最小的映射器代理开始，一章一章地长出解析、执行、结果映射、插件和缓存，"
        "最后得到一个能跑的 ORM 框架。",
        "每一章只解决一个问题：先说清为什么需要它，再动手实现，最后对照真实框架的源码。"
        "适合写过一两年 Java、想看懂框架却不知从哪里下手的读者。",
        "平装，正文黑白印刷。随书代码可以自行编译运行。",
    ),
    _product(
        "9890002",
        "武夷岩茶·肉桂 125g",
        "中足火焙制，桂皮香清楚，回甘来得快",
        128_00,
        "产自武夷山正岩周边的肉桂，传统工艺做青，中足火炭焙。干茶条索紧结，冲泡后桂皮香明显，汤感醇厚，三四泡后渐转花果香。",
        "建议用 110 毫升盖碗，投茶 8 克，沸水快出。新焙的茶火气稍重，放一两个月再喝会更柔和。",
        "罐装 125 克，请置于阴凉干燥处，避光保存。",
    ),
    _product(
        "9890003",
        "云南小粒咖啡豆 454g",
        "保山高海拔种植，中度烘焙，坚果与红糖",
        68_00,
        "豆子来自云南保山海拔一千四百米以上的庄园，水洗处理，中度烘焙。喝起来有坚果、红糖和一点柑橘的酸，余味干净。",
        "手冲、法压、意式都合适。豆子收到后先养三五天再喝，开封后请在一个月内喝完。",
        "出厂为整豆，不含磨粉服务。",
    ),
    _product(
        "9890004",
        "冷制手工皂 · 体验装",
        "橄榄油冷制，单块小样，拼着试试",
        19_90,
        "用橄榄油、椰子油和棕榈油冷制，晾足六周，不加香精和色素。泡沫细，洗后不紧绷，手和脸都可以用。",
        "这是 30 克的体验装，人多一起拼更便宜；喜欢再买正装。手工切块，每一块的大小会有一点出入。",
    ),
    _product(
        "9890005",
        "竹纤维毛巾四件套",
        "柔软吸水，一家人各用一条",
        59_90,
        "竹纤维与棉混纺，毛圈细密，吸水快、干得也快。四条四色，一家人不会拿错。",
        "初次使用前请先清洗一遍，头两次会有少量浮毛。洗涤时不要用柔顺剂，以免影响吸水。",
        "每条 34×74 厘米，约 95 克。",
    ),
    _product(
        "9890006",
        "桌面阅读灯",
        "无可视频闪，四档色温，触摸调光",
        199_00,
        "灯臂可以前后折叠，照到整张书桌；显色指数大于 95，四档色温从暖黄到自然白，亮度无级可调。",
        "USB-C 供电，附一米五的线，不含充电头。记忆上一次的亮度，半夜打开不会突然刺眼。",
        "整机一年质保，灯臂转轴两年。",
    ),
    _product(
        "9890007",
        "龙井明前茶礼盒 200g",
        "清明前采摘，一芽一叶，豆香鲜爽",
        268_00,
        "清明前采的一芽一叶，手工辉锅。干茶扁平光滑，汤色嫩绿明亮，入口是清楚的豆香和鲜味，苦涩很轻。",
        "用 80 到 85 度的水，玻璃杯直接冲泡即可，看茶芽一根根立起来。",
        "两罐各 100 克，附礼盒与手提袋。绿茶请冷藏密封，半年内喝完最好。",
    ),
)
