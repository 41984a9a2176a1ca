//! How far a pull has got: the engine's words on each layer, summed.

use std::collections::BTreeMap;

use bollard::models::CreateImageInfo;

use crate::engine::ImageProgress;
use crate::event::Transfer;

/// The layers of one pull.
#[derive(Debug, Default)]
pub(super) struct Layers(BTreeMap<String, Layer>);

#[derive(Debug, Default, Clone, Copy)]
struct Layer {
    done: u64,
    total: u64,
    finished: bool,
}

impl Layers {
    /// Takes a word of the engine in, and says how far all layers have got.
    pub(super) fn note(&mut self, info: CreateImageInfo) -> ImageProgress {
        let status = info.status.unwrap_or_default();
        if let Some(id) = info.id.filter(|_| is_about_a_layer(&status)) {
            let layer = self.0.entry(id).or_default();
            let progress = info.progress_detail.unwrap_or_default();
            let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
            match status.as_str() {
                "Downloading" => {
                    layer.done = bytes(progress.current).unwrap_or(layer.done);
                    layer.total = bytes(progress.total).unwrap_or(layer.total);
                }
                "Download complete" | "Verifying Checksum" | "Extracting" => {
                    layer.done = layer.total;
                }
                "Pull complete" | "Already exists" => {
                    layer.done = layer.total;
                    layer.finished = true;
                }
                _ => {}
            }
        }
        ImageProgress {
            doing: status,
            transfer: self.sum(),
        }
    }

    fn sum(&self) -> Transfer {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Transfer {
            done: self.0.values().map(|layer| layer.done).sum(),
            total: self.0.values().map(|layer| layer.total).sum(),
            layers_done: count(self.0.values().filter(|layer| layer.finished).count()),
            layers: count(self.0.len()),
        }
    }
}

fn is_about_a_layer(status: &str) -> bool {
    matches!(
        status,
        "Pulling fs layer"
            | "Waiting"
            | "Downloading"
            | "Verifying Checksum"
            | "Download complete"
            | "Extracting"
            | "Pull complete"
            | "Already exists"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    fn word(id: &str, status: &str, detail: Option<(i64, i64)>) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.into()),
            status: Some(status.into()),
            progress_detail: detail.map(|(current, total)| ProgressDetail {
                current: Some(current),
                total: Some(total),
            }),
            ..Default::default()
        }
    }

    #[test]
    fn layers_add_up() {
        let mut layers = Layers::default();

        layers.note(word("15-alpine", "Pulling from library/postgres", None));
        layers.note(word("a", "Already exists", None));
        layers.note(word("b", "Downloading", Some((10, 100))));
        let progress = layers.note(word("c", "Downloading", Some((5, 50))));

        assert_eq!(
            progress.transfer,
            Transfer {
                done: 15,
                total: 150,
                layers_done: 1,
                layers: 3
            }
        );
    }

    #[test]
    fn extracting_never_moves_the_bytes_back() {
        let mut layers = Layers::default();

        layers.note(word("a", "Downloading", Some((90, 100))));
        layers.note(word("a", "Download complete", None));
        let progress = layers.note(word("a", "Extracting", Some((3, 100))));

        assert_eq!(progress.transfer.done, 100);
    }
}
