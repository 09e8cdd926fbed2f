/** The page's policy allows no code made from text: said before any schema is built, so that none is tried. */
import { config } from "zod";

config({ jitless: true });
