#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The middle of action.yml: verifies, writes septum.sarif and septum.html, and says on the pull request which flows change.
# The exit code is the verdict's.
set -euo pipefail

appliance=${SEPTUM_APPLIANCE:?}
read -ra arguments <<<"${SEPTUM_ARGUMENTS:-}"
if [[ -n ${SEPTUM_ACKNOWLEDGED:-} ]]; then
    arguments+=(--acknowledged "$SEPTUM_ACKNOWLEDGED")
fi

code=0
septum verify "$appliance" "${arguments[@]}" --format sarif --output septum.sarif || code=$?
septum verify "$appliance" "${arguments[@]}" --format html --output septum.html 2>/dev/null || true # the verdict is known
septum verify "$appliance" "${arguments[@]}" --format github 2>/dev/null || true                   # and so here
case $code in
    0) verdict=proved ;;
    2) verdict=violated ;;
    3) verdict=inconclusive ;;
    *) verdict=failed ;;
esac
if [[ $verdict == proved ]] && grep -q '"suppressions"' septum.sarif; then
    verdict=acknowledged
fi
echo "verdict=$verdict" >>"${GITHUB_OUTPUT:-/dev/null}"

# Against where the pull request branches off. A file that was not there has nothing to be compared with. What cannot be
# said on the pull request is a warning: it leaves the verdict alone.
warn() {
    echo "::warning title=septum::$*"
}
if [[ -n ${SEPTUM_PULL_REQUEST:-} && -n ${SEPTUM_BASE:-} ]]; then
    if ! base=$(git merge-base HEAD "origin/$SEPTUM_BASE" 2>/dev/null); then
        warn "the flows of before are not here to compare with: check out with \`fetch-depth: 0\`"
        exit "$code"
    fi
    old=$(mktemp -d)
    trap 'git worktree remove --force "$old"; rm -f "$old.comment"' EXIT
    git worktree add --quiet --detach "$old" "$base"
    if [[ -f $old/$appliance ]]; then
        {
            printf '**septum**: `%s` is %s.\n\n```diff\n' "$appliance" "$verdict"
            # Also why there is no difference to show, when one of the two cannot be read. As git names a file of a branch.
            septum diff "$old/$appliance" "$appliance" 2>&1 | sed "s|$old/|$SEPTUM_BASE:|g" || true
            printf '```\n'
        } >"$old.comment"
        gh pr comment "$SEPTUM_PULL_REQUEST" --edit-last --create-if-none --body-file "$old.comment" ||
            warn "no comment on the pull request: it takes \`pull-requests: write\`, which one from a fork does not get"
    fi
fi
exit "$code"
