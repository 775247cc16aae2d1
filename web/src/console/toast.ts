/** A word in passing: something was done. */
import "element-plus/es/components/message/style/css";
import { ElMessage } from "element-plus";

export function toast(message: string, type: "success" | "warning" = "success") {
  ElMessage({ message, type, duration: 2_500, grouping: true });
}
