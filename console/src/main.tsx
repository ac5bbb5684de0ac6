import "./styles.css";
import { render } from "preact";
import { App } from "./app";
import { speak, usual } from "./i18n";
import { usualTheme, wear } from "./theme";

wear(usualTheme());
const place = document.getElementById("app");
if (place) void speak(usual(), false).then(() => render(<App />, place));
