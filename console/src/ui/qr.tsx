import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";

const MODULE_PX = 5;
const QUIET = 4;

/** A QR code (ISO/IEC 18004), drawn where no picture has to be fetched. */
export function Qr({ text }: { text: string }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    void import("qrcode-generator").then(({ default: qrcode }) => {
      const code = qrcode(0, "M");
      code.addData(text);
      code.make();
      const pen = canvas.current?.getContext("2d");
      if (!canvas.current || !pen) return;
      const count = code.getModuleCount();
      canvas.current.width = canvas.current.height = (count + 2 * QUIET) * MODULE_PX;
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, canvas.current.width, canvas.current.height);
      pen.fillStyle = "#000";
      for (let row = 0; row < count; row++)
        for (let column = 0; column < count; column++)
          if (code.isDark(row, column)) pen.fillRect((column + QUIET) * MODULE_PX, (row + QUIET) * MODULE_PX, MODULE_PX, MODULE_PX);
    });
  }, [text]);
  return <canvas ref={canvas} class="qr" role="img" aria-label={t().goLive.qr} />;
}
