//! What takes the space of the engine's disk. Asked by hand: bollard knows only the answer of the newest engines.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use super::client::DockerEngine;
use super::fault::Subject;
use crate::engine::{Address, DiskUsers, EngineError, VolumeSize};

/// Where Compose notes a volume's project.
const PROJECT: &str = "com.docker.compose.project";
/// So much of an answer is read.
const LARGEST: usize = 64 << 20;

impl DockerEngine {
    /// Asks for `/system/df`.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] where the engine is not on this machine's own socket.
    pub(super) async fn measure_disk(&self) -> Result<DiskUsers, EngineError> {
        let Address::Unix(socket) = &self.address else {
            let what = "be asked for its disk from here".to_owned();
            return Err(EngineError::Unsupported { what });
        };
        let broken = |reason: String| EngineError::Unreachable {
            address: self.address.to_string(),
            reason,
        };
        let path = format!("/v{}.{}/system/df", self.api.0, self.api.1);
        let asked = async {
            let stream = UnixStream::connect(socket)
                .await
                .map_err(|error| error.to_string())?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| error.to_string())?;
            let request = Request::get(path)
                .header("host", "localhost")
                .header("connection", "close")
                .body(Empty::<Bytes>::new())
                .map_err(|error| error.to_string())?;
            let exchange = async {
                let answer = sender
                    .send_request(request)
                    .await
                    .map_err(|error| error.to_string())?;
                let body = Limited::new(answer.into_body(), LARGEST).collect().await;
                body.map(http_body_util::Collected::to_bytes)
                    .map_err(|error| error.to_string())
            };
            // The connection has to be driven while the exchange waits on it; its own end tells nothing more.
            let (body, _) = tokio::join!(exchange, connection);
            body
        };
        let subject = Subject::new("measure", "disk", "");
        let call = async { Ok(asked.await) };
        let body = self.within(super::client::ASK, &subject, call).await?;
        let document: Value =
            serde_json::from_slice(&body.map_err(broken)?).map_err(|_| EngineError::Refused {
                call: "system df",
                reason: "its answer can't be understood".to_owned(),
            })?;
        Ok(users(&document))
    }
}

/// Both layouts: lists at the top, and since API 1.52 totals with lists below them.
fn users(document: &Value) -> DiskUsers {
    let total = |old: &str, new: &str| {
        let new = document[new]["TotalSize"].as_u64();
        new.or_else(|| document[old].as_u64()).unwrap_or_default()
    };
    let listed = |old: &str, new: &str| {
        let list = document[new]["Items"]
            .as_array()
            .or(document[old].as_array());
        list.cloned().unwrap_or_default()
    };
    let cached = listed("BuildCache", "BuildCacheUsage");
    let cached = cached.iter().filter(|one| one["Shared"] != true);
    let cached: u64 = cached.filter_map(|one| one["Size"].as_u64()).sum();
    let mut volumes: Vec<VolumeSize> = listed("Volumes", "VolumeUsage")
        .iter()
        .filter_map(|volume| {
            Some(VolumeSize {
                name: volume["Name"].as_str()?.to_owned(),
                project: volume["Labels"][PROJECT].as_str().map(str::to_owned),
                bytes: volume["UsageData"]["Size"].as_u64()?,
                mounted: volume["UsageData"]["RefCount"].as_i64() != Some(0),
            })
        })
        .collect();
    volumes.sort_by(|one, other| other.bytes.cmp(&one.bytes).then(one.name.cmp(&other.name)));
    DiskUsers {
        images: total("LayersSize", "ImageUsage"),
        build_cache: total("BuilderSize", "BuildCacheUsage").max(cached),
        volumes,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn old_and_new_engines_answers_tell_the_same() {
        let volume = json!({
            "Name": "shop_db", "Labels": { "com.docker.compose.project": "shop" },
            "UsageData": { "RefCount": 1, "Size": 3 }
        });
        let other =
            json!({ "Name": "x", "Labels": null, "UsageData": { "RefCount": 0, "Size": 9 } });
        let old = json!({
            "LayersSize": 5, "Volumes": [volume, other],
            "BuildCache": [{ "Size": 7, "Shared": false }, { "Size": 2, "Shared": true }]
        });
        let new = json!({
            "ImageUsage": { "TotalSize": 5 }, "BuildCacheUsage": { "TotalSize": 7 },
            "VolumeUsage": { "Items": [volume, other] }
        });

        let found = users(&old);

        assert_eq!(found, users(&new));
        assert_eq!((found.images, found.build_cache), (5, 7));
        let names: Vec<&str> = found.volumes.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["x", "shop_db"]);
        assert!(!found.volumes[0].mounted);
        assert_eq!(found.volumes[1].project.as_deref(), Some("shop"));
    }
}
