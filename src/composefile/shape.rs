//! The language in which the Compose file's schema is written.

use super::check::Checker;
use super::node::Node;

/// What may stand at a place of the file.
pub(super) enum Shape {
    /// Anything, kept as it is.
    Any,
    /// A string.
    Text,
    /// Any scalar, taken as a string.
    Scalar,
    /// A boolean, or a string that says one.
    Bool,
    /// A whole number, or a string of its digits.
    Int,
    /// A number, or a string that is one.
    Float,
    /// A duration; written back in Go's form.
    Duration,
    /// A size in bytes; written back as a string of digits.
    Size,
    /// A file mode; written back as octal digits.
    Mode,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A path, made absolute.
    Path,
    /// A build context: a path made absolute, or an address kept as it is.
    Context,
    /// A list, and which of its items are the same one.
    List(&'static Shape, Same),
    /// A mapping of free keys.
    Map(&'static Shape),
    /// `KEY=VALUE` pairs as a list or a mapping; becomes a mapping of strings.
    Pairs(Blank),
    /// A mapping of known keys, and `x-` ones.
    Record(&'static [Field]),
    /// A short form, rewritten into the long one.
    Short(fn(Node, &mut Checker) -> Node, &'static Shape),
    /// A scalar of the first shape, or a mapping of the second.
    Either(&'static Shape, &'static Shape),
}

/// Which items of a list are the same one, so that a later one replaces an earlier.
#[derive(Clone, Copy)]
pub(super) enum Same {
    /// None are.
    Never,
    /// Those with the same key.
    By(fn(&Node) -> String),
}

/// What a pair without a value stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    /// Nothing yet: the environment may give it.
    Null,
    /// The empty string.
    Empty,
}

/// How a key of an overriding file meets the same key of an earlier one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Merge {
    /// Mappings key by key, lists appended, scalars replaced.
    Deep,
    /// Replaced whole, even by nothing.
    Replace,
    /// As deep, where the drivers agree; else replaced.
    Logging,
}

/// Whether the zero of its kind is the same as no value at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zero {
    /// `false`, `0` and empty texts, lists and mappings are left out.
    Absent,
    /// They are kept.
    Kept,
}

/// A known key.
pub(super) struct Field {
    pub name: &'static str,
    pub shape: &'static Shape,
    pub merge: Merge,
    pub zero: Zero,
    /// Why the key has no effect here, where it has none.
    pub unapplied: Option<&'static str>,
}

/// A key with the usual rules.
pub(super) const fn field(name: &'static str, shape: &'static Shape) -> Field {
    Field {
        name,
        shape,
        merge: Merge::Deep,
        zero: Zero::Absent,
        unapplied: None,
    }
}

impl Field {
    pub(super) const fn merged(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    pub(super) const fn keeps_zero(mut self) -> Self {
        self.zero = Zero::Kept;
        self
    }

    pub(super) const fn unapplied(mut self, why: &'static str) -> Self {
        self.unapplied = Some(why);
        self
    }
}
