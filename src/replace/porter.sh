# jobsprint-dev: brings files into the container and takes them away, as its words tell
exec 2>/dev/null
for tool in dd rm tar; do
  command -v "$tool" >/dev/null || exit 9
done
echo ready
fine=1
while IFS= read -r word; do
  case $word in "delete "*)
    set -- "$@" "${word#delete }"
    [ $# -ge 500 ] || continue ;;
  esac
  [ $# = 0 ] || rm -rf -- "$@" || fine=
  set --
  case $word in
    "unpack "*)
      # Only dd stops where the tar ends; tar itself reads on for as long as there is something to read.
      dd bs=10240 count="${word#unpack }" iflag=fullblock | tar -xpf - -C / || fine= ;;
    finish)
      echo "${fine:+done}"
      fine=1 ;;
  esac
done
