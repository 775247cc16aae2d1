/** A list of buyers on its way: how much is sent, how many lines were read, and how it ended. */
import { ref } from "vue";
import { answered } from "@/api/client";
import { Refusal, refusalOf } from "@/api/refusal";
import { market } from "../api";
import type { SegmentImport } from "../types";

const LOOK_EVERY_MS = 700;

export function useUpload(segmentId: string) {
  const percent = ref<number | null>(null);
  const rowsRead = ref(0);

  /** Throws a Refusal. The import is named here, so that it can be watched while the file is sent. */
  async function send(file: File): Promise<SegmentImport> {
    // Whoever is not signed in any more is asked before the file is sent, and not after.
    await answered(market.GET("/console/v1/me"));
    const path = { segment_id: segmentId, import_id: newImportId() };
    percent.value = 0;
    rowsRead.value = 0;
    const looking = window.setInterval(() => void look(path), LOOK_EVERY_MS);
    try {
      const address = `/api/market/console/v1/segments/${encodeURIComponent(segmentId)}/imports/${path.import_id}`;
      return await put(address, file, (sent) => (percent.value = sent));
    } finally {
      window.clearInterval(looking);
      percent.value = null;
    }
  }

  async function look(path: { segment_id: string; import_id: string }) {
    const address = "/console/v1/segments/{segment_id}/imports/{import_id}";
    const { data } = await market.GET(address, { params: { path } });
    if (data) rowsRead.value = data.rows_read;
  }

  return { percent, rowsRead, send };
}

export function newImportId(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** fetch tells nothing of how much is sent. */
function put(address: string, file: File, sent: (percent: number) => void): Promise<SegmentImport> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", address);
    request.setRequestHeader("content-type", file.name.endsWith(".csv") ? "text/csv" : "text/plain");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => sent(Math.floor((loaded / total) * 100));
    request.onload = () => {
      if (request.status < 300) resolve(request.response as SegmentImport);
      else reject(refusalOf(new Response(null, { status: request.status }), request.response));
    };
    request.onerror = () => reject(new Refusal("unreachable", 0, "", ""));
    request.send(file);
  });
}
