//! The words that a fake world is made of, a sentence a line.

use super::image::Registry;
use super::world::World;
use crate::domain::ImageRef;
use crate::engine::Executed;

/// Makes a world of `text`.
///
/// # Panics
/// At a sentence that it doesn't know: a test must not pass by a misspelling.
pub(super) fn read(text: &str) -> World {
    let mut world = World::default();
    for sentence in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = sentence.split_whitespace().collect();
        match words.as_slice() {
            ["image", image, "lacks", path] => {
                world
                    .lacking
                    .insert((ImageRef::new(*image), (*path).to_owned()));
            }
            ["image", image] => world.add_image(&ImageRef::new(*image)),
            ["registry", host, "has", image] => {
                let registry = world.registries.entry((*host).to_owned()).or_default();
                registry.images.push(ImageRef::new(*image));
            }
            ["registry", host, "is", "unreachable"] => {
                world
                    .registries
                    .insert((*host).to_owned(), Registry::unreachable());
            }
            ["registry", host, "hangs"] => {
                world
                    .registries
                    .insert((*host).to_owned(), Registry::hanging());
            }
            ["registry", host, "limits", count, "pulls"] => {
                let registry = world.registries.entry((*host).to_owned()).or_default();
                registry.limited = number(sentence, count);
            }
            ["registry", host, "breaks", count, "pulls"] => {
                let registry = world.registries.entry((*host).to_owned()).or_default();
                registry.broken = number(sentence, count);
            }
            ["build", "of", image, "fails"] => {
                world.failing_builds.push(ImageRef::new(*image));
            }
            ["builds", "take", seconds, "seconds"] => {
                world.build_time = std::time::Duration::from_secs(number(sentence, seconds));
            }
            ["port", port, "is", "taken"] => world.taken_ports.push(number(sentence, port)),
            ["service", service, "exits", "with", code] => {
                world
                    .exits
                    .insert((*service).to_owned(), number(sentence, code));
            }
            ["service", service, "says", ..] => {
                let (_, line) = sentence.split_once(" says ").expect("the pattern has it");
                let lines = world.logs.entry((*service).to_owned()).or_default();
                lines.push(line.to_owned());
            }
            ["command", program, "exits", "with", code] => {
                let ended = Executed {
                    code: number(sentence, code),
                    ..Executed::default()
                };
                world.commands.insert((*program).to_owned(), ended);
            }
            ["command", program, "says", ..] => {
                let (_, line) = sentence.split_once(" says ").expect("the pattern has it");
                let ended = Executed {
                    stdout: format!("{line}\n").into_bytes(),
                    ..Executed::default()
                };
                world.commands.insert((*program).to_owned(), ended);
            }
            _ => panic!("the fake engine does not understand `{sentence}`"),
        }
    }
    world
}

fn number<T: std::str::FromStr>(sentence: &str, word: &str) -> T {
    let Ok(number) = word.parse() else {
        panic!("`{word}` is no number in `{sentence}`")
    };
    number
}
