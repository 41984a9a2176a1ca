//! What was typed: one file a verb, arguments in, a request out. Opens no file and no socket.
