//! A port that somebody takes after it was chosen and before it is bound.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use crate::checkout::text;
use crate::stores::Stores;
use crate::support;

/// The host port that a container asks for; `None` while there is no such container.
fn asked_port(container: &str) -> Option<u16> {
    let asked = Command::new("docker")
        .args(["inspect", "-f"])
        .arg("{{range .HostConfig.PortBindings}}{{(index . 0).HostPort}}{{end}}")
        .arg(container)
        .output()
        .expect("docker starts");
    text(&asked.stdout).trim().parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_was_taken_meanwhile_is_chosen_anew() {
    let stores = Stores::new().await;
    let image = support::tiny_image(&stores.checkout.engine).await;
    // Its container is made at once, and started only when the database is ready.
    let web = format!(
        "\n  web:
    image: {image}
    command: [httpd, -f, -p, \"8080\", -h, /etc]
    ports: [\"127.0.0.1:4000:8080\"]
    depends_on: {{ postgres: {{ condition: service_healthy }} }}
    x-jobsprint: {{ ready: tcp 8080 }}\nvolumes: {{ db"
    );
    let path = stores.checkout.directory.path().join("compose.yaml");
    let file = std::fs::read_to_string(&path).expect("written");
    std::fs::write(&path, file.replacen("\nvolumes: { db", &web, 1)).expect("written");
    let run = stores.command(&["--", "true"]).spawn().expect("started");

    let taking = async {
        loop {
            let stacks = stores.checkout.stacks().await;
            let container = stacks.first().map(|stack| format!("{stack}-web-1"));
            if let Some(port) = container.and_then(|name| asked_port(&name)) {
                return TcpListener::bind(("127.0.0.1", port));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let held = tokio::time::timeout(Duration::from_secs(30), taking).await;
    let held = held.expect("the container appears").expect("still free");
    let ended = run.wait_with_output().expect("it ends");
    drop(held);

    let told = text(&ended.stderr);
    assert!(ended.status.success(), "{told}");
    assert!(told.contains("; choosing anew"), "{told}");
    assert!(stores.checkout.stacks().await.is_empty());
}
