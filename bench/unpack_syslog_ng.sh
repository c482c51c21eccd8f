#!/bin/sh
# Debian's syslog-ng cannot be installed beside rsyslog: their packages conflict.  This downloads it
# and unpacks it into a folder, for measuring and tests only, and prints the path of a program that
# starts it from there.
#
# usage: unpack_syslog_ng.sh [FOLDER]     (default build/rivals/syslog-ng)
set -eu
folder=${1:-$(dirname "$0")/../build/rivals/syslog-ng}
mkdir -p "$folder/packages"
folder=$(cd "$folder" && pwd)
start=$folder/syslog-ng
[ -x "$start" ] || {
	cd "$folder/packages"
	apt-get download -qq syslog-ng-core syslog-ng-mod-http libivykis0 libnet1 libwrap0 2>/dev/null
	for package in *.deb; do
		dpkg -x "$package" "$folder/root"
	done
	libraries=$folder/root/usr/lib
	cat > "$start" <<EOF
#!/bin/sh
LD_LIBRARY_PATH=$libraries/syslog-ng:$libraries/x86_64-linux-gnu
export LD_LIBRARY_PATH
exec $folder/root/usr/sbin/syslog-ng --module-path=$libraries/syslog-ng/3.38 "\$@"
EOF
	chmod +x "$start"
}
echo "$start"
