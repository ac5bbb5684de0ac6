import "./styles.css";
import { render } from "preact";
import { App } from "./app";
import { speak, usual } from "./i18n";
import { icon } from "./root";
import { usualTheme, wear } from "./theme";

// Not in the page itself: a relative link would be looked up anew below each page that is gone to.
const picture = document.createElement("link");
picture.rel = "icon";
picture.href = icon;
document.head.append(picture);

wear(usualTheme());
const place = document.getElementById("app");
if (place) void speak(usual(), false).then(() => render(<App />, place));
