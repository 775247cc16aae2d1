import type { components } from "./mall";

type Schemas = components["schemas"];

export type Buyer = Schemas["BuyerView"];
export type Session = Schemas["SessionView"];
export type Ticket = Schemas["TicketView"];
export type ProductCard = Schemas["ProductCard"];
export type Product = Schemas["ProductView"];
export type GroupOffer = Schemas["GroupOffer"];
export type Team = Schemas["TeamView"];
export type Member = Schemas["MemberView"];
export type Order = Schemas["OrderView"];
export type Gateway = Schemas["GatewayView"];
export type OrderBody = Schemas["OrderBody"];
