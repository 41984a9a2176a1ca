//! What each key does.

use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::super::status;
use super::desk::{Attention, Desk, Turn};
use super::follow::Shown;
use super::keys::{HELP, Key};
use crate::domain::ServiceName;
use crate::event::Event;
use crate::report::words;
use crate::watch::Replacement;

impl Desk<'_> {
    /// Does what a key asks for.
    pub async fn press(&mut self, key: Key) -> Turn {
        match key {
            Key::Quit => return Turn::Leave,
            Key::Help => self.note(HELP.to_owned()),
            Key::Restart => {
                let figures = self.figures.all();
                for (service, figure) in figures {
                    self.note(format!(
                        "{service}: {}, half of them within {}, 19 of 20 within {}",
                        words::count(figure.count, "change"),
                        words::duration(figure.p50),
                        words::duration(figure.p95),
                    ));
                }
                let watched = self.watched();
                self.ask_for(watched, Replacement::Restart);
            }
            Key::Rebuild => {
                let stack = &self.project.stack;
                let is_built = |name: &ServiceName| {
                    stack.service(name).is_some_and(|service| {
                        service.image.build.is_some() && !service.image.named
                    })
                };
                let built = self.watched().into_iter().filter(is_built).collect();
                self.ask_for(built, Replacement::Rebuild);
            }
            Key::Logs => self.show_next(),
            Key::Status => match status::standing(&self.project, &self.bench.engine).await {
                Ok(status) => {
                    let text = status.text(SystemTime::now());
                    let project = &self.project.stack.project;
                    self.note(format!("status of `{project}`\n{text}"));
                }
                Err(failure) => self.note(failure.message),
            },
            Key::Migrate => self.ask_to_migrate(),
            Key::Open => self.open_in_browser(),
            Key::Pause => {
                let (attention, text) = match self.attention {
                    Attention::On => (Attention::Paused, "paused: changes are kept until `p`"),
                    Attention::Paused => (Attention::On, "watching again"),
                };
                self.attention = attention;
                self.note(text.to_owned());
            }
        }
        Turn::Go
    }

    fn note(&self, text: String) {
        self.bench.session.events.tell(Event::Notice { text });
    }

    /// From all services' logs to one's, to the next one's, to none, to all.
    fn show_next(&mut self) {
        let Some(follower) = &self.follower else {
            self.note("logs are off: `--no-logs`".to_owned());
            return;
        };
        let all = self.attached();
        let next = match follower.shown() {
            Shown::None => Shown::These(all),
            Shown::These(shown) if shown.len() > 1 => {
                Shown::These(all.into_iter().take(1).collect())
            }
            Shown::These(shown) => {
                let after = all
                    .into_iter()
                    .find(|name| shown.iter().all(|shown| shown < name));
                after.map_or(Shown::None, |name| Shown::These([name].into()))
            }
        };
        let text = match &next {
            Shown::None => "logs of no service".to_owned(),
            Shown::These(services) if *services == self.attached() => {
                "logs of all services".to_owned()
            }
            Shown::These(services) => {
                let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
                format!("logs of {}", words::list(&names))
            }
        };
        follower.show(next);
        self.note(text);
    }

    fn open_in_browser(&self) {
        let stack = &self.project.stack;
        let watched = self.watched();
        let urls = |name: &ServiceName| stack.service(name)?.url.clone();
        let url = watched
            .iter()
            .find_map(urls)
            .or_else(|| stack.services.keys().find_map(urls));
        let Some(url) = url else {
            self.note("no service has a `url`".to_owned());
            return;
        };
        let opened = Command::new("xdg-open")
            .arg(&url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match opened {
            Ok(mut child) => {
                self.note(format!("opening {url}"));
                std::thread::spawn(move || child.wait());
            }
            Err(_) => self.note(format!("open {url}")),
        }
    }
}
