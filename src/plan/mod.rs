//! Pure decisions: a `Stack` and what the engine has of it become a `Plan`.
