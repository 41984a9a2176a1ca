//! Compose text in, a checked `Stack` out: spans, interpolation, merge, extends, include. Pure: files come in through a reader.
