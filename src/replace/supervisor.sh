# jobsprint-dev: runs the command after this text, and starts it again when told to
# It is PID 1: it passes signals on, reaps what nobody waits for, and ends as its command ends.
# Signal 50 asks for a new process, signal 51 kills the old one that doesn't obey. File 9 is a pipe that has
# no name and needs no writable disk: whoever asked reads there what became of it, through /proc/1/fd/9.
exec 7<&0 8<<END
END
exec 9<>/proc/self/fd/8 8<&-

again= child= ending=

# The child's whole group; where there is no setsid to give it one, the child alone.
group() {
  [ -z "$child" ] || kill "-$1" "-$child" 2>/dev/null || kill "-$1" "$child" 2>/dev/null
}

# The child alone, as if it were PID 1 itself. A shell starts it with INT and QUIT ignored; where it has
# not set a handler since, TERM does what they would have done.
pass() {
  [ -n "$child" ] || return
  word=$1
  case $word in INT | QUIT)
    while read -r key value; do
      [ "$key" = SigIgn: ] && break
    done <"/proc/$child/status"
    case $word$value in INT*[2367abef] | QUIT*[4567cdef]) word=TERM ;; esac
  esac 2>/dev/null
  kill "-$word" "$child" 2>/dev/null
}

trap 'again=1; group TERM' 50
# One that comes when the old process is gone already must not meet the new one.
trap '[ -z "$again" ] || group KILL' 51
for word in HUP USR1 USR2 ALRM WINCH; do trap "pass $word" "$word"; done
for word in TERM INT QUIT; do trap "ending=$word; pass $word" "$word"; done

if command -v setsid >/dev/null 2>&1; then own=setsid; else own=; fi
while :; do
  told=$again again= child=
  $own "$@" <&7 7<&- 9<&- &
  young=$!
  # Until it leads its own group it is a copy of this shell, in which a signal would be lost.
  tries=0
  while [ -n "$own" ] && [ "$tries" -lt 50000 ] && ! kill -0 "-$young" 2>/dev/null; do
    tries=$((tries + 1))
  done
  child=$young earlier=$ending anew=$again
  [ -z "$told" ] || echo started >&9
  # Signals that came before there was a child to pass them to.
  [ -z "$earlier" ] || pass "$earlier"
  [ -z "$anew" ] || group TERM

  # A wait that a signal cut short, and one whose child died of a signal, both give more than 128.
  wait "$child" 2>/dev/null
  code=$?
  while [ "$code" -gt 128 ]; do
    wait "$child" 2>/dev/null
    next=$?
    [ "$next" -ne 127 ] || break
    code=$next
    kill -0 "$child" 2>/dev/null || break
  done
  [ -n "$again" ] && [ -z "$ending" ] || exit "$code"

  # Its children may outlive it for a while, and hold its port; each turn reaps them.
  while kill -0 "-$child" 2>/dev/null; do sleep 0.02 || break; done
  kill -KILL "-$child" 2>/dev/null
  echo stopped >&9
done
