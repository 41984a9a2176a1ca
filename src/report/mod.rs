//! Events become text: tty, plain, json, summary. The only room that writes to the terminal.
