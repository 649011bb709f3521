# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Installs what tools/packages.txt lists and this machine lacks. Uses: root, out, say, complain, run_logged.

: "${root:?}" "${out:?}"

as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else
        complain "installing packages takes root or sudo: run \`./dev setup\` as root once"
        return 1
    fi
}

codename() {
    # shellcheck disable=SC1091
    (. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
}

# wanted_packages needed|optional: the names in tools/packages.txt without or with a question mark behind them.
wanted_packages() {
    sed -e 's/#.*//' "$root/tools/packages.txt" |
        awk -v kind="$1" 'NF { name = $1; optional = sub(/[?]$/, "", name); if (optional == (kind == "optional")) print name }'
}

is_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# A command of the package's name does as well: Node.js from elsewhere brings its own npm and refuses the distribution's.
missing_packages() {
    local package
    while read -r package; do
        is_installed "$package" || command -v "$package" >/dev/null || printf '%s\n' "$package"
    done < <(wanted_packages "$1")
}

# The version without epoch, its first number: `1:10.0.2+ds-2` is 10.
qemu_major() {
    local version
    version=$(dpkg-query -W -f '${Version}' qemu-system-x86 2>/dev/null) || true # not installed: no version
    version=${version#*:}
    printf '%s' "${version%%[!0-9]*}"
}

# Debian 12 ships QEMU 7.2, which has no x2APIC; its backports have a newer one.
wants_backported_qemu() {
    [[ $(codename) == bookworm && ${SEPTUM_QEMU:-} != stock ]] || return 1
    if is_installed qemu-system-x86; then
        [[ $(qemu_major) -lt 9 && ! -e $out/.no-backports ]]
    fi
}

# Updates the package lists once per run, and only when something is to be installed.
lists_updated=
update_lists() {
    if [[ -z $lists_updated ]]; then
        say "updating the package lists"
        run_logged "$out/apt-update.log" as_root apt-get update || return 1
        lists_updated=1
    fi
}

# Prints the address of the mirror that this machine takes the given suite's `main` from.
mirror_of() {
    # shellcheck disable=SC2016 # apt expands these, not the shell
    apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(COMPONENT) $(REPO_URI)' |
        awk -v suite="$1" '$1 == "Packages" && $2 == suite && $3 == "main" { print $4; exit }'
}

# Adds bookworm-backports from the mirror in use. Fails, leaving nothing behind, when there is none to be had.
add_backports() {
    local suite=bookworm-backports file=/etc/apt/sources.list.d/septum-backports.sources mirror
    if [[ -n $(mirror_of $suite) ]]; then
        update_lists
        return 0
    fi
    mirror=$(mirror_of bookworm)
    if [[ -z $mirror ]]; then
        return 1
    fi
    say "adding $suite from the mirror in use ($file)"
    local signed_by=/usr/share/keyrings/debian-archive-keyring.gpg
    {
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$mirror" "$suite"
        if [[ -e $signed_by ]]; then
            printf 'Signed-By: %s\n' "$signed_by"
        fi
    } | as_root tee "$file" >/dev/null
    if ! as_root apt-get update -o APT::Update::Error-Mode=any >"$out/apt-update.log" 2>&1; then
        as_root rm -f "$file"
        return 1
    fi
    lists_updated=1
}

apt_install() {
    run_logged "$out/apt-install.log" as_root apt-get install -y --no-install-recommends "$@"
}

install_missing() {
    local missing=() optional=() backported=
    mapfile -t missing < <(missing_packages needed)
    mapfile -t optional < <(missing_packages optional)
    if wants_backported_qemu; then
        backported=1
    fi
    if [[ ${#missing[@]} -eq 0 && -z $backported ]] && [[ ${#optional[@]} -eq 0 || -e $out/.no-optional ]]; then
        return
    fi
    if [[ -n ${SEPTUM_NO_INSTALL:-} ]]; then
        if [[ ${#optional[@]} -gt 0 ]]; then
            say "missing, so some tests will be skipped: ${optional[*]}"
        fi
        if [[ ${#missing[@]} -gt 0 ]]; then
            complain "missing: ${missing[*]}"
            return 1
        fi
        return
    fi
    case $(codename) in
        bookworm | trixie) ;;
        *)
            complain "only Debian 12 and 13 are set up by this script; found \`$(codename)\`"
            complain "missing: ${missing[*]}"
            return 1
            ;;
    esac
    mkdir -p "$out"

    if [[ -n $backported ]]; then
        if add_backports && install_backported_qemu; then
            :
        else
            say "no newer QEMU in the backports: the stock one has no x2APIC, so the xAPIC board is used"
            touch "$out/.no-backports"
        fi
        mapfile -t missing < <(missing_packages needed)
    fi
    if [[ ${#missing[@]} -gt 0 ]]; then
        update_lists
        say "installing ${#missing[@]} packages: ${missing[*]}"
        apt_install "${missing[@]}"
    fi
    install_optional "${optional[@]}"
}

# What only some tests want is tried one by one; a machine that cannot have one still builds, and skips those tests.
install_optional() {
    local package
    for package in "$@"; do
        update_lists
        say "installing $package"
        if ! apt_install "$package"; then
            say "$package cannot be installed here (see $out/apt-install.log): the tests that want it will be skipped"
            touch "$out/.no-optional"
        fi
    done
}

# The Linux guest is unpacked from the distribution's packages during the build; fresh lists name versions that exist.
refresh_lists_for_guests() {
    if [[ ! -s $root/out/cache/vmlinuz-cloud || ! -s $root/out/cache/busybox ]]; then
        if [[ -z ${SEPTUM_NO_INSTALL:-} ]]; then
            update_lists
        fi
    fi
}

install_backported_qemu() {
    say "installing QEMU from bookworm-backports"
    apt_install -t bookworm-backports qemu-system-x86 && [[ $(qemu_major) -ge 9 ]]
}
