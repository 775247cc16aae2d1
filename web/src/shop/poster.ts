/** The poster that invites to a team: a picture to keep, and to send where links do not open. */
import encodeQR from "qr";
import { t } from "@/ui/language";
import { yuan } from "@/ui/money";
import { invitationLink, type Invitation } from "./invitation";

const WIDTH = 750;
const HEIGHT = 1180;
const EDGE = 48;
const FONT = '"PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif';
const ACCENT = "#d1381d";
const INK = "#2a1f1a";
const SOFT = "#7d6f67";
const TITLE_LINES_MAX = 2;
const SEATS_DRAWN_MAX = 8;

/** A PNG as a data URL. Throws when the product's picture cannot be loaded or the browser cannot draw. */
export async function drawPoster(invitation: Invitation): Promise<string> {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("this browser draws no pictures");

  drawPaper(pen);
  await drawPicture(pen, invitation.picture);
  drawWords(pen, invitation);
  drawSeats(pen, invitation);
  drawCode(pen, invitationLink(invitation.teamId));
  return canvas.toDataURL("image/png");
}

/** Words broken into lines no wider than `width`; what is too much ends in an ellipsis. */
export function linesOf(
  words: string,
  width: number,
  linesMax: number,
  measure: (text: string) => number,
): string[] {
  const lines = [""];
  for (const character of words) {
    const line = lines.at(-1) + character;
    if (measure(line) <= width) lines[lines.length - 1] = line;
    else if (lines.length < linesMax) lines.push(character.trimStart());
    else {
      let last = lines[lines.length - 1] ?? "";
      while (last && measure(`${last}…`) > width) last = last.slice(0, -1);
      return [...lines.slice(0, -1), `${last}…`];
    }
  }
  return lines;
}

function drawPaper(pen: CanvasRenderingContext2D) {
  const sky = pen.createLinearGradient(0, 0, WIDTH, HEIGHT * 0.6);
  sky.addColorStop(0, "#e03d22");
  sky.addColorStop(1, "#f7a06b");
  pen.fillStyle = sky;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.fillStyle = "#fff";
  pen.beginPath();
  pen.roundRect(EDGE / 2, 116, WIDTH - EDGE, HEIGHT - 140, 36);
  pen.fill();
  write(pen, t("邀你一起拼团"), EDGE, 76, { size: 40, weight: 700, color: "#fff" });
}

async function drawPicture(pen: CanvasRenderingContext2D, address: string) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const side = WIDTH - 2 * EDGE;
  pen.save();
  pen.beginPath();
  pen.roundRect(EDGE, 140, side, 520, 24);
  pen.clip();
  const scale = Math.max(side / picture.width, 520 / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  pen.drawImage(picture, EDGE + (side - width) / 2, 140 + (520 - height) / 2, width, height);
  pen.restore();
}

function drawWords(pen: CanvasRenderingContext2D, { title, payableFen, listFen, seatsTarget }: Invitation) {
  pen.font = `600 34px ${FONT}`;
  linesOf(title, WIDTH - 2 * EDGE, TITLE_LINES_MAX, (text) => pen.measureText(text).width).forEach(
    (line, n) => write(pen, line, EDGE, 716 + n * 46, { size: 34, weight: 600, color: INK }),
  );

  const price = yuan(payableFen);
  write(pen, price, EDGE, 846, { size: 60, weight: 700, color: ACCENT });
  const after = EDGE + pen.measureText(price).width + 20;
  const note = t("{n}人团", { n: seatsTarget });
  write(pen, note, after, 846, { size: 28, weight: 600, color: ACCENT });
  if (listFen === payableFen) return;

  const beside = after + pen.measureText(note).width + 18;
  write(pen, yuan(listFen), beside, 846, { size: 28, weight: 400, color: SOFT });
  pen.fillRect(beside, 836, pen.measureText(yuan(listFen)).width, 2);
}

function drawSeats(pen: CanvasRenderingContext2D, { seatsTarget, seatsTaken }: Invitation) {
  for (let seat = 0; seat < Math.min(seatsTarget, SEATS_DRAWN_MAX); seat += 1) {
    pen.beginPath();
    pen.arc(EDGE + 24 + seat * 58, 906, 22, 0, 2 * Math.PI);
    pen.fillStyle = seat < seatsTaken ? ACCENT : "#fff0ea";
    pen.fill();
    pen.strokeStyle = ACCENT;
    pen.lineWidth = 2;
    pen.stroke();
  }
  const left = t("还差 {n} 人成团", { n: Math.max(0, seatsTarget - seatsTaken) });
  write(pen, left, EDGE, 980, { size: 30, weight: 600, color: INK });
  write(pen, t("长按识别二维码，和我一起买"), EDGE, 1030, { size: 25, weight: 400, color: SOFT });
  write(pen, t("不成团自动全额退款"), EDGE, 1072, { size: 25, weight: 400, color: SOFT });
}

function drawCode(pen: CanvasRenderingContext2D, link: string) {
  const modules = encodeQR(link, "raw", { border: 2 });
  const side = Math.floor(230 / modules.length);
  const [left, top] = [WIDTH - EDGE - side * modules.length, 880];
  pen.fillStyle = INK;
  modules.forEach((row, y) =>
    row.forEach((dark, x) => dark && pen.fillRect(left + x * side, top + y * side, side, side)),
  );
}

type Lettering = { size: number; weight: number; color: string };

function write(
  pen: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  { size, weight, color }: Lettering,
) {
  pen.font = `${weight} ${size}px ${FONT}`;
  pen.fillStyle = color;
  pen.fillText(text, x, y);
}
