//! The seed files of redis: one atomic script a file, which notes in redis itself that the file was applied.
//!
//! A wiped redis so knows by itself that all its seeds are due.

use std::collections::BTreeMap;

use super::excerpt::Place;
use super::redis_commands::{Command, commands};
use super::redis_session::{RedisSession, Reply};
use super::script::Script;
use super::seed_files::Store;
use super::seed_store::{Again, Hashed, SeedOptions, wanted};
use super::{DataContext, DataError, DataOutcome};
use crate::domain::Service;
use crate::event::Event;

/// The hash that says which files were applied, with the hash of each.
const MARKS: &str = "jobsprint_dev:seeds";
const READING: &str = "reading which seeds it has";
const APPLYING: &str = "applying seeds";

/// Runs the commands one after the other. Redis itself keeps what was done before a command that fails, so the script
/// remembers each key that a command names as it was before, and puts it back.
/// Takes a file's name and hash, the database's number, the number of commands, and of each its number of words and the
/// words.
/// Gives the number of the command that failed, or 0, and why.
const RUN: &str = r"
local position, database, seen, kept = 5, ARGV[3], {}, {}
local function keep(name)
  local id = database .. ':' .. name
  if seen[id] then return end
  seen[id] = true
  local left = math.max(redis.call('PTTL', name), 0)
  kept[#kept + 1] = { database = database, name = name, dump = redis.call('DUMP', name), left = left }
end
local function put_back()
  for _, key in ipairs(kept) do
    redis.call('SELECT', key.database)
    redis.call('DEL', key.name)
    if key.dump then redis.call('RESTORE', key.name, key.left, key.dump) end
  end
end
for number = 1, tonumber(ARGV[4]) do
  local count, words = tonumber(ARGV[position]), {}
  for at = 1, count do words[at] = ARGV[position + at] end
  position = position + count + 1
  local keys = redis.pcall('COMMAND', 'GETKEYS', unpack(words))
  if not keys.err then
    for _, name in ipairs(keys) do keep(name) end
  end
  local done = redis.pcall(unpack(words))
  if type(done) == 'table' and done.err then
    put_back()
    return { number, done.err }
  end
  if string.upper(words[1]) == 'SELECT' then database = words[2] end
end
redis.call('SELECT', ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return { 0, '' }
";

/// Applies the files that are due, ordered by name.
pub(super) async fn seed(
    context: &DataContext,
    service: &Service,
    options: &SeedOptions,
) -> Result<DataOutcome, DataError> {
    let wanted = wanted(context, Store::Redis, options)?;
    if wanted.is_empty() {
        return Ok(DataOutcome::NothingDue);
    }
    let mut session = RedisSession::open(context, service).await?;
    let marks = marks(&mut session, service).await?;
    let number = session.database().to_string();
    let is_due = |(file, hash): &&Hashed| {
        options.again == Again::Always || marks.get(&file.name) != Some(hash)
    };
    let due: Vec<&Hashed> = wanted.iter().filter(is_due).collect();
    for (file, hash) in &due {
        let script = Script::read(&file.path, context.shown(&file.path))?;
        let rows = apply(&mut session, service, &script, [&file.name, hash, &number]).await?;
        let what = script.file;
        context.events.tell(Event::DataProgress { what, rows });
    }
    Ok(match due.len() {
        0 => DataOutcome::NothingDue,
        count => DataOutcome::Ran(count),
    })
}

/// The files that redis has, each with its hash.
pub(super) async fn applied(
    context: &DataContext,
    service: &Service,
) -> Result<BTreeMap<String, String>, DataError> {
    let mut session = RedisSession::open(context, service).await?;
    marks(&mut session, service).await
}

async fn marks(
    session: &mut RedisSession,
    service: &Service,
) -> Result<BTreeMap<String, String>, DataError> {
    let Reply::List(all) = session.ask(READING, &["HGETALL", MARKS]).await? else {
        return Err(unexpected(service, READING));
    };
    let texts: Vec<String> = all
        .into_iter()
        .filter_map(|reply| match reply {
            Reply::Text(text) => text,
            _ => None,
        })
        .collect();
    let pairs = texts.chunks_exact(2);
    Ok(pairs
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect())
}

async fn apply(
    session: &mut RedisSession,
    service: &Service,
    script: &Script,
    mark: [&str; 3],
) -> Result<u64, DataError> {
    let commands = commands(&script.text)
        .map_err(|(place, reason)| script.failure_in_line(place, reason.to_owned()))?;
    let reply = session.ask(APPLYING, &call(&commands, mark)).await?;
    let (number, reason) = match reply {
        Reply::List(parts) => match parts.as_slice() {
            [Reply::Number(number), Reply::Text(Some(reason))] => (*number, reason.clone()),
            _ => return Err(unexpected(service, APPLYING)),
        },
        Reply::Refused(reason) => {
            return Err(DataError::Store {
                service: service.name.clone(),
                doing: APPLYING,
                reason,
            });
        }
        _ => return Err(unexpected(service, APPLYING)),
    };
    let failed = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1));
    if let Some(command) = failed.and_then(|at| commands.get(at)) {
        let place = Place {
            line: command.line,
            column: 1,
        };
        return Err(script.failure_in_line(place, plain(&reason).to_owned()));
    }
    Ok(commands.len() as u64)
}

/// The script with a file's commands.
fn call(commands: &[Command], mark: [&str; 3]) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = ["EVAL", RUN, "1", MARKS, mark[0], mark[1], mark[2]]
        .map(|word| word.as_bytes().to_vec())
        .into();
    let number = |count: usize| count.to_string().into_bytes();
    words.push(number(commands.len()));
    for command in commands {
        words.push(number(command.words.len()));
        words.extend(command.words.iter().cloned());
    }
    words
}

/// Without the code that redis begins its words with.
fn plain(reason: &str) -> &str {
    let reason = reason.strip_prefix("ERR ").unwrap_or(reason);
    reason
        .split(" script: ")
        .next()
        .unwrap_or(reason)
        .trim_end_matches(',')
}

fn unexpected(service: &Service, doing: &'static str) -> DataError {
    DataError::Store {
        service: service.name.clone(),
        doing,
        reason: "it answered something else".to_owned(),
    }
}
