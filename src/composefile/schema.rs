//! The Compose Specification's schema as tables, with how each key merges and whether it is applied.

mod objects;

use super::shape::{Blank, Merge, Same, Shape, field};
use super::short;
use objects::{CONFIG, NETWORK, SECRET, VOLUME};

use Shape::{
    Any, Bool, Duration, Either, Float, Int, List, Map, Mode, Pairs, Path, Record, Scalar, Short,
    Size, Text, Word,
};

const SWARM: &str = "it speaks to a Swarm cluster";
const WINDOWS: &str = "it is for Windows containers";
const BUILDER: &str = "the builder takes no such option here";
const ENGINE: &str = "the container is created without it";

const TEXTS: Shape = List(&Text, Same::Never);
const WORDS: Shape = List(&Text, Same::By(short::whole));
const PAIR_WORDS: Shape = List(&Text, Same::By(short::key_of_pair));
const TEXT_OR_LIST: Shape = Short(short::one_or_list, &WORDS);
const COMMAND: Shape = Short(short::command, &TEXTS);
const LABELS: Shape = Pairs(Blank::Empty);
const VARIABLES: Shape = Pairs(Blank::Null);
const OPTIONS: Shape = Map(&Scalar);

/// The whole file.
pub(super) const FILE: Shape = Record(&[
    field("version", &Any),
    field("name", &Text),
    field("include", &Any),
    field("services", &Map(&SERVICE)),
    field("networks", &Map(&NETWORK)),
    field("volumes", &Map(&VOLUME)),
    field("secrets", &Map(&SECRET)),
    field("configs", &Map(&CONFIG)),
    field("models", &Map(&Any)).unapplied("no model runner is called"),
    field("x-jobsprint", &PROJECT_WORDS),
]);

pub(super) const SERVICE: Shape = Record(&[
    field("annotations", &LABELS),
    field("attach", &Bool).keeps_zero(),
    field("blkio_config", &BLOCK_IO).unapplied(ENGINE),
    field("build", &BUILD),
    field("cap_add", &WORDS),
    field("cap_drop", &WORDS),
    field("cgroup", &Word(&["host", "private"])),
    field("cgroup_parent", &Text),
    field("command", &COMMAND)
        .merged(Merge::Replace)
        .keeps_zero(),
    field(
        "configs",
        &Short(
            short::file_mounts,
            &List(&FILE_MOUNT, Same::By(short::config_target)),
        ),
    ),
    field("container_name", &Text),
    field("cpu_count", &Int).unapplied(WINDOWS),
    field("cpu_percent", &Float).unapplied(WINDOWS),
    field("cpu_period", &Int).unapplied(ENGINE),
    field("cpu_quota", &Int).unapplied(ENGINE),
    field("cpu_rt_period", &Int).unapplied(ENGINE),
    field("cpu_rt_runtime", &Int).unapplied(ENGINE),
    field("cpu_shares", &Int),
    field("cpus", &Float),
    field("cpuset", &Text),
    field(
        "credential_spec",
        &Record(&[
            field("config", &Text),
            field("file", &Text),
            field("registry", &Text),
        ]),
    )
    .unapplied(WINDOWS),
    field("depends_on", &Short(short::depends_on, &Map(&DEPENDENCY))).keeps_zero(),
    field("deploy", &DEPLOY).keeps_zero(),
    field(
        "develop",
        &Record(&[field("watch", &List(&WATCH, Same::Never))]),
    ),
    field("device_cgroup_rules", &WORDS),
    field(
        "devices",
        &Short(short::devices, &List(&DEVICE, Same::By(short::target))),
    ),
    field("dns", &TEXT_OR_LIST),
    field("dns_opt", &WORDS),
    field("dns_search", &TEXT_OR_LIST),
    field("domainname", &Text),
    field("entrypoint", &COMMAND)
        .merged(Merge::Replace)
        .keeps_zero(),
    field(
        "env_file",
        &Short(short::env_files, &List(&ENV_FILE, Same::By(short::path))),
    ),
    field("environment", &VARIABLES),
    field("expose", &List(&Scalar, Same::By(short::whole))),
    field(
        "extends",
        &Short(
            short::extends,
            &Record(&[field("service", &Text), field("file", &Text)]),
        ),
    ),
    field("external_links", &WORDS),
    field("extra_hosts", &Short(short::extra_hosts, &WORDS)),
    field(
        "gpus",
        &Short(short::gpus, &List(&DEVICE_REQUEST, Same::Never)),
    ),
    field("group_add", &List(&Scalar, Same::By(short::whole))),
    field("healthcheck", &HEALTHCHECK).keeps_zero(),
    field("hostname", &Text),
    field("image", &Text),
    field("init", &Bool).keeps_zero(),
    field("ipc", &Text),
    field("isolation", &Text).unapplied(WINDOWS),
    field(
        "label_file",
        &Short(short::one_or_list, &List(&Path, Same::By(short::whole))),
    ),
    field("labels", &LABELS),
    field("links", &WORDS),
    field(
        "logging",
        &Record(&[field("driver", &Text), field("options", &OPTIONS)]),
    )
    .merged(Merge::Logging)
    .keeps_zero(),
    field("mac_address", &Text),
    field("mem_limit", &Size),
    field("mem_reservation", &Size),
    field("mem_swappiness", &Size).unapplied(ENGINE),
    field("memswap_limit", &Size),
    field("models", &Short(short::names, &Map(&Any))).unapplied("no model runner is called"),
    field("network_mode", &Text),
    field("networks", &Short(short::names, &Map(&ATTACHMENT))).keeps_zero(),
    field("oom_kill_disable", &Bool),
    field("oom_score_adj", &Int),
    field("pid", &Text),
    field("pids_limit", &Int),
    field("platform", &Text),
    field(
        "ports",
        &Short(short::ports, &List(&PORT, Same::By(short::port_key))),
    ),
    field("post_start", &List(&HOOK, Same::Never)),
    field("pre_stop", &List(&HOOK, Same::Never)),
    field("privileged", &Bool),
    field("profiles", &WORDS),
    field("provider", &Any).unapplied("services of an external provider are not run"),
    field("pull_policy", &Text),
    field("pull_refresh_after", &Text).unapplied("images are not refreshed by age"),
    field("read_only", &Bool),
    field("restart", &Text),
    field("runtime", &Text),
    field("scale", &Int).keeps_zero(),
    field(
        "secrets",
        &Short(
            short::file_mounts,
            &List(&FILE_MOUNT, Same::By(short::secret_target)),
        ),
    ),
    field("security_opt", &WORDS),
    field("shm_size", &Size),
    field("stdin_open", &Bool),
    field("stop_grace_period", &Duration).keeps_zero(),
    field("stop_signal", &Text),
    field("storage_opt", &OPTIONS),
    field("sysctls", &LABELS),
    field("tmpfs", &TEXT_OR_LIST),
    field("tty", &Bool),
    field("ulimits", &ULIMITS),
    field("use_api_socket", &Bool).unapplied("the engine's socket is not handed in"),
    field("user", &Text),
    field("userns_mode", &Text),
    field("uts", &Text),
    field(
        "volumes",
        &Short(short::volumes, &List(&MOUNT, Same::By(short::target))),
    ),
    field("volumes_from", &WORDS),
    field("working_dir", &Text),
    field("x-jobsprint", &SERVICE_WORDS),
]);

const BUILD: Shape = Short(
    short::build,
    &Record(&[
        field("additional_contexts", &Short(short::contexts, &LABELS)),
        field("args", &VARIABLES),
        field("cache_from", &TEXTS),
        field("cache_to", &TEXTS).unapplied(BUILDER),
        field("context", &Shape::Context),
        field("dockerfile", &Text),
        field("dockerfile_inline", &Text),
        field("entitlements", &TEXTS).unapplied(BUILDER),
        field("extra_hosts", &Short(short::extra_hosts, &WORDS)),
        field("isolation", &Text).unapplied(WINDOWS),
        field("labels", &LABELS),
        field("network", &Text),
        field("no_cache", &Bool),
        field("platforms", &WORDS),
        field("privileged", &Bool).unapplied(BUILDER),
        field("provenance", &Scalar).unapplied(BUILDER),
        field("pull", &Bool),
        field("sbom", &Scalar).unapplied(BUILDER),
        field(
            "secrets",
            &Short(
                short::file_mounts,
                &List(&FILE_MOUNT, Same::By(short::secret_target)),
            ),
        ),
        field("shm_size", &Size),
        field("ssh", &Short(short::ssh, &PAIR_WORDS)).unapplied(BUILDER),
        field("tags", &PAIR_WORDS).unapplied(BUILDER),
        field("target", &Text),
        field("ulimits", &ULIMITS).unapplied(BUILDER),
    ]),
);

const BLOCK_RATES: Shape = List(
    &Record(&[field("path", &Text), field("rate", &Size)]),
    Same::Never,
);

const BLOCK_IO: Shape = Record(&[
    field("device_read_bps", &BLOCK_RATES),
    field("device_read_iops", &BLOCK_RATES),
    field("device_write_bps", &BLOCK_RATES),
    field("device_write_iops", &BLOCK_RATES),
    field("weight", &Int),
    field(
        "weight_device",
        &List(
            &Record(&[field("path", &Text), field("weight", &Int)]),
            Same::Never,
        ),
    ),
]);

const DEPENDENCY: Shape = Record(&[
    field(
        "condition",
        &Word(&[
            "service_started",
            "service_healthy",
            "service_completed_successfully",
        ]),
    ),
    field("required", &Bool).keeps_zero(),
    field("restart", &Bool),
]);

const DEPLOY: Shape = Record(&[
    field("endpoint_mode", &Text).unapplied(SWARM),
    field("labels", &LABELS).unapplied(SWARM),
    field("mode", &Text),
    field(
        "placement",
        &Record(&[
            field("constraints", &TEXTS),
            field("max_replicas_per_node", &Int),
            field(
                "preferences",
                &List(&Record(&[field("spread", &Text)]), Same::Never),
            ),
        ]),
    )
    .unapplied(SWARM),
    field("replicas", &Int).keeps_zero(),
    field(
        "resources",
        &Record(&[
            field(
                "limits",
                &Record(&[
                    field("cpus", &Float),
                    field("memory", &Size),
                    field("pids", &Int),
                ]),
            ),
            field(
                "reservations",
                &Record(&[
                    field("cpus", &Float),
                    field("devices", &List(&DEVICE_REQUEST, Same::Never)),
                    field("generic_resources", &List(&Any, Same::Never)).unapplied(SWARM),
                    field("memory", &Size),
                ]),
            ),
        ]),
    ),
    field(
        "restart_policy",
        &Record(&[
            field("condition", &Text),
            field("delay", &Duration).keeps_zero(),
            field("max_attempts", &Int).keeps_zero(),
            field("window", &Duration).keeps_zero(),
        ]),
    ),
    field("rollback_config", &UPDATE).unapplied(SWARM),
    field("update_config", &UPDATE).unapplied(SWARM),
]);

const UPDATE: Shape = Record(&[
    field("delay", &Duration),
    field("failure_action", &Text),
    field("max_failure_ratio", &Float),
    field("monitor", &Duration),
    field("order", &Word(&["start-first", "stop-first"])),
    field("parallelism", &Int).keeps_zero(),
]);

const DEVICE_REQUEST: Shape = Record(&[
    field("capabilities", &WORDS),
    field("count", &Short(short::device_count, &Int)),
    field("device_ids", &WORDS),
    field("driver", &Text),
    field("options", &LABELS),
]);

const WATCH: Shape = Record(&[
    field(
        "action",
        &Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]),
    ),
    field("exec", &HOOK),
    field("ignore", &TEXT_OR_LIST),
    field("include", &TEXT_OR_LIST),
    field("initial_sync", &Bool),
    field("path", &Path),
    field("target", &Text),
]);

const HOOK: Shape = Record(&[
    field("command", &COMMAND).keeps_zero(),
    field("environment", &VARIABLES),
    field("privileged", &Bool),
    field("user", &Text),
    field("working_dir", &Text),
]);

const DEVICE: Shape = Record(&[
    field("permissions", &Text),
    field("source", &Text),
    field("target", &Text),
]);

const ENV_FILE: Shape = Record(&[
    field("format", &Text),
    field("path", &Path),
    field("required", &Bool).keeps_zero(),
]);

const HEALTHCHECK: Shape = Record(&[
    field("disable", &Bool),
    field("interval", &Duration).keeps_zero(),
    field("retries", &Int).keeps_zero(),
    field("start_interval", &Duration).keeps_zero(),
    field("start_period", &Duration).keeps_zero(),
    field("test", &Short(short::health_test, &TEXTS)).merged(Merge::Replace),
    field("timeout", &Duration).keeps_zero(),
]);

const ATTACHMENT: Shape = Record(&[
    field("aliases", &WORDS),
    field("driver_opts", &OPTIONS),
    field("gw_priority", &Int).unapplied("no gateway is chosen by priority"),
    field("interface_name", &Text).unapplied("the engine names the interface"),
    field("ipv4_address", &Text),
    field("ipv6_address", &Text),
    field("link_local_ips", &WORDS),
    field("mac_address", &Text),
    field("priority", &Int),
]);

const PORT: Shape = Record(&[
    field("app_protocol", &Text),
    field("host_ip", &Text),
    field("mode", &Text),
    field("name", &Text),
    field("protocol", &Text),
    field("published", &Scalar),
    field("target", &Int),
]);

const FILE_MOUNT: Shape = Record(&[
    field("gid", &Scalar),
    field("mode", &Mode),
    field("source", &Text),
    field("target", &Text),
    field("uid", &Scalar),
]);

const MOUNT: Shape = Record(&[
    field(
        "bind",
        &Record(&[
            field("create_host_path", &Bool).keeps_zero(),
            field("propagation", &Text),
            field(
                "recursive",
                &Word(&["enabled", "disabled", "writable", "readonly"]),
            ),
            field("selinux", &Word(&["z", "Z"])),
        ]),
    )
    .keeps_zero(),
    field("consistency", &Text),
    field("image", &Record(&[field("subpath", &Text)])),
    field("read_only", &Bool),
    field("source", &Text),
    field("target", &Text),
    field(
        "tmpfs",
        &Record(&[field("mode", &Int), field("size", &Size)]),
    )
    .keeps_zero(),
    field(
        "type",
        &Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]),
    ),
    field(
        "volume",
        &Record(&[
            field("labels", &LABELS),
            field("nocopy", &Bool),
            field("subpath", &Text),
        ]),
    )
    .keeps_zero(),
]);

const ULIMITS: Shape = Map(&Either(
    &Int,
    &Record(&[field("hard", &Int), field("soft", &Int)]),
));

/// `x-jobsprint` of a service: what the standard lacks.
const SERVICE_WORDS: Shape = Record(&[
    field("check", &COMMAND).merged(Merge::Replace),
    field("grace", &Duration).keeps_zero(),
    field("migrate", &MIGRATE),
    field("optional", &Bool),
    field("ready", &Text),
    field("restart", &Word(&["process", "container"])),
    field("role", &Word(&["data", "app"])),
    field("seed", &TASK),
    field("url", &Text),
    field("watch", &Bool).keeps_zero(),
]);

/// A service's own command, or the directory of SQL files that the tool runs.
const MIGRATE: Shape = Record(&[
    field("directory", &Path),
    field("inputs", &INPUTS),
    field("run", &COMMAND).merged(Merge::Replace),
]);

const TASK: Shape = Record(&[
    field("inputs", &INPUTS),
    field("run", &COMMAND).merged(Merge::Replace),
]);

const INPUTS: Shape = Short(short::one_or_list, &List(&Path, Same::By(short::whole)));

/// `x-jobsprint` of the file.
const PROJECT_WORDS: Shape = Record(&[
    field(
        "bases",
        &Map(&Short(
            short::base,
            &Record(&[field("bootstrap", &Text), field("build", &Path)]),
        )),
    ),
    field("seeds", &Path),
]);
