//! A variable in the making: the comment lines above a key, put together into a [`Variable`].

use super::decorator::{Decorator, Value};
use super::{Exposure, Kind, Need, Origin, Recipe, Variable};
use crate::domain::nearest;

/// A decorator with its line's number and text.
type Placed = (Decorator, usize, String);

/// What stands above a key.
#[derive(Debug, Default)]
pub(super) struct Draft {
    description: Vec<String>,
    decorators: Vec<Placed>,
}

/// What is wrong with a draft: at one decorator, or at the key's value.
#[derive(Debug)]
pub(super) struct DraftFault {
    pub decorator: Option<Box<Placed>>,
    pub message: String,
    pub hint: Option<String>,
}

impl DraftFault {
    fn at(placed: &Placed, message: impl Into<String>) -> Self {
        Self {
            decorator: Some(Box::new(placed.clone())),
            message: message.into(),
            hint: None,
        }
    }

    fn of_value(message: impl Into<String>) -> Self {
        Self {
            decorator: None,
            message: message.into(),
            hint: None,
        }
    }
}

const NAMES: [&str; 9] = [
    "required",
    "optional",
    "sensitive",
    "public",
    "type",
    "generate",
    "prompt",
    "example",
    "docs",
];

impl Draft {
    pub fn describe(&mut self, line: &str) {
        self.description.push(line.to_owned());
    }

    pub fn decorate(&mut self, decorator: Decorator, number: usize, line: &str) {
        self.decorators.push((decorator, number, line.to_owned()));
    }

    pub fn decorators(&self) -> impl Iterator<Item = (&Decorator, usize, &str)> {
        self.decorators
            .iter()
            .map(|(decorator, number, line)| (decorator, *number, line.as_str()))
    }

    /// The variable, or all that is wrong with it.
    pub fn finish(
        self,
        key: &str,
        written: &str,
        line: usize,
    ) -> Result<Variable, Vec<DraftFault>> {
        let mut faults = self.strays();
        let mut take = |result: Result<(), DraftFault>| faults.extend(result.err());
        let mut variable = Variable::bare(key, line);
        take(self.kind().map(|kind| variable.kind = kind));
        take(
            self.origin(key, written)
                .map(|origin| variable.origin = origin),
        );
        take(self.need(&variable.origin).map(|need| variable.need = need));
        take(
            self.exposure(&variable.origin)
                .map(|exposure| variable.exposure = exposure),
        );
        take(self.text("example").map(|text| variable.example = text));
        take(self.text("docs").map(|text| variable.docs = text));
        take(check_default(&variable));
        if faults.is_empty() {
            variable.description = self.description;
            Ok(variable)
        } else {
            Err(faults)
        }
    }

    /// Unknown decorators, and those that stand twice.
    fn strays(&self) -> Vec<DraftFault> {
        let mut faults = Vec::new();
        for (index, placed) in self.decorators.iter().enumerate() {
            let name = placed.0.name.as_str();
            let twice = self.decorators[..index]
                .iter()
                .any(|(earlier, _, _)| earlier.name == name);
            if !NAMES.contains(&name) {
                faults.push(DraftFault {
                    hint: nearest(name, NAMES).map(|near| format!("did you mean `@{near}`?")),
                    ..DraftFault::at(placed, format!("unknown decorator `@{name}`"))
                });
            } else if twice {
                faults.push(DraftFault::at(placed, format!("`@{name}` stands twice")));
            }
        }
        faults
    }

    fn kind(&self) -> Result<Kind, DraftFault> {
        match self.value("type", "`@type` needs a type, as `@type=port`")? {
            None => Ok(Kind::default()),
            Some((placed, value)) => {
                Kind::read(value).map_err(|message| DraftFault::at(placed, message))
            }
        }
    }

    fn origin(&self, key: &str, written: &str) -> Result<Origin, DraftFault> {
        let recipe = self.value("generate", "`@generate` needs a recipe, as `base64(32)`")?;
        let prompt = self.value(
            "prompt",
            "`@prompt` needs a question, as `@prompt=\"App id\"`",
        )?;
        match (recipe, prompt) {
            (Some(_), Some((placed, _))) => {
                Err(DraftFault::at(placed, "`@prompt` contradicts `@generate`"))
            }
            (Some(_), None) if !written.is_empty() => Err(DraftFault::of_value(format!(
                "`{key}` has `@generate` and a default; keep one"
            ))),
            (Some((placed, value)), None) => read_recipe(value)
                .map(Origin::Generated)
                .map_err(|message| DraftFault::at(placed, message)),
            (None, Some(_)) if !written.is_empty() => Err(DraftFault::of_value(format!(
                "`{key}` has `@prompt` and a default; keep one"
            ))),
            (None, Some((_, value))) => Ok(Origin::Asked {
                question: value.word.clone(),
            }),
            (None, None) if written.is_empty() => Ok(Origin::Nowhere),
            (None, None) => Ok(Origin::Default(written.to_owned())),
        }
    }

    /// Said by a decorator; else whatever gets a value by itself must keep one.
    fn need(&self, origin: &Origin) -> Result<Need, DraftFault> {
        match self.switch("required", "optional")? {
            Some(false) => Ok(Need::Optional),
            None if *origin == Origin::Nowhere => Ok(Need::Optional),
            Some(true) | None => Ok(Need::Required),
        }
    }

    /// Said by a decorator; else what is made at random is sensitive.
    fn exposure(&self, origin: &Origin) -> Result<Exposure, DraftFault> {
        match self.switch("sensitive", "public")? {
            Some(true) => Ok(Exposure::Sensitive),
            None if matches!(origin, Origin::Generated(_)) => Ok(Exposure::Sensitive),
            Some(false) | None => Ok(Exposure::Public),
        }
    }

    /// `@yes`, `@yes=false`, `@no`, or nothing.
    fn switch(&self, yes: &str, no: &str) -> Result<Option<bool>, DraftFault> {
        let said = match self.find(yes) {
            None => None,
            Some(placed) => Some(
                match placed.0.value.as_ref().map(|value| value.word.as_str()) {
                    None | Some("true") => true,
                    Some("false") => false,
                    Some(other) => {
                        let message = format!("`@{yes}` is `true` or `false`, not `{other}`");
                        return Err(DraftFault::at(placed, message));
                    }
                },
            ),
        };
        match (said, self.find(no)) {
            (Some(true), Some(placed)) => Err(DraftFault::at(
                placed,
                format!("`@{no}` contradicts `@{yes}`"),
            )),
            (None, Some(_)) => Ok(Some(false)),
            (said, _) => Ok(said),
        }
    }

    /// The text of `@name=text`, or the last argument of `@name(text)`.
    fn text(&self, name: &'static str) -> Result<Option<String>, DraftFault> {
        let value = self.value(name, "this decorator needs a text")?;
        Ok(value.map(|(_, value)| match value.arguments.as_deref() {
            Some([.., last]) => last.text.clone(),
            _ => value.word.clone(),
        }))
    }

    fn value(&self, name: &str, missing: &str) -> Result<Option<(&Placed, &Value)>, DraftFault> {
        match self.find(name) {
            None => Ok(None),
            Some(placed) => match &placed.0.value {
                Some(value) => Ok(Some((placed, value))),
                None => Err(DraftFault::at(placed, missing)),
            },
        }
    }

    fn find(&self, name: &str) -> Option<&Placed> {
        self.decorators
            .iter()
            .find(|(decorator, _, _)| decorator.name == name)
    }
}

impl Variable {
    /// A variable of which only the key is known.
    pub(super) fn bare(key: &str, line: usize) -> Self {
        Self {
            key: key.to_owned(),
            description: Vec::new(),
            need: Need::Optional,
            exposure: Exposure::Public,
            kind: Kind::default(),
            origin: Origin::Nowhere,
            example: None,
            docs: None,
            line,
        }
    }
}

/// A default that names other variables is checked when their values are known.
fn check_default(variable: &Variable) -> Result<(), DraftFault> {
    match &variable.origin {
        Origin::Default(written) if !written.contains('$') => {
            let plain = written.trim_matches(|c| c == '"' || c == '\'');
            if variable.kind.accepts(plain) {
                Ok(())
            } else {
                Err(DraftFault::of_value(format!(
                    "the default of `{}` must be {}",
                    variable.key, variable.kind
                )))
            }
        }
        _ => Ok(()),
    }
}

fn read_recipe(value: &Value) -> Result<Recipe, String> {
    let name = value.word.as_str();
    let shape: fn(usize) -> Recipe = match name {
        "base64" => Recipe::Base64,
        "alnum" => Recipe::Alphanumeric,
        "hex" => Recipe::Hex,
        "uuid" => {
            return match value.arguments.as_deref() {
                None | Some([]) => Ok(Recipe::Uuid),
                Some(_) => Err("`uuid` takes no length".to_owned()),
            };
        }
        other => {
            let hint = nearest(other, ["base64", "alnum", "hex", "uuid"])
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            return Err(format!("unknown recipe `{other}`{hint}"));
        }
    };
    let length = match value.arguments.as_deref() {
        Some([length]) if length.name.is_none() => length.text.parse::<usize>().ok(),
        _ => None,
    };
    match length {
        None => Err(format!("`{name}` needs a length, as `{name}(32)`")),
        Some(length) if length < 8 => Err(format!(
            "`{name}({length})` is too short to be a secret: 8 at least"
        )),
        Some(length) if length > 1024 => {
            Err(format!("`{name}({length})` is too long: 1024 at most"))
        }
        Some(length) => Ok(shape(length)),
    }
}
