//! Pure text: the `.env` grammar of Compose and its `${}` interpolation.
