/** Where the page begins. */
import { render } from "preact";
import { Shell } from "./shell/shell.tsx";
import { show } from "./theme.ts";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/dialog.css";
import "./style/table.css";
import "./style/home.css";
import "./style/print.css";

show();
const place = document.getElementById("page");
if (place) render(<Shell />, place);
