import type { Column } from "../parts/columns";
import { scaledText } from "../scaled";
import type { Listing } from "../types";
import { words } from "./words";

export function listingColumns(): Column<Listing>[] {
  return [
    { key: "goods", sort: "goods", title: words.value.goods, text: (row) => row.goods_id },
    { key: "source", sort: "source", title: words.value.source, text: (row) => row.source },
    { key: "channel", title: words.value.channel, text: (row) => row.channel },
    { key: "campaign", title: words.value.campaign, text: (row) => row.campaign_name },
    {
      key: "list",
      sort: "price",
      title: words.value.listPrice,
      text: (row) => scaledText(row.price.list_fen, 2),
      end: true,
    },
    {
      key: "saving",
      title: words.value.saving,
      text: (row) => scaledText(row.price.discount_fen, 2),
      end: true,
    },
    {
      key: "payable",
      title: words.value.payable,
      text: (row) => scaledText(row.price.payable_fen, 2),
      end: true,
    },
    {
      key: "margin",
      title: words.value.margin,
      text: (row) => (row.margin ? scaledText(row.margin.margin_fen, 2) : null),
      end: true,
    },
  ];
}

export function listingKey({ source, channel, goods_id }: Listing): string {
  return `${source}/${channel}/${goods_id}`;
}
