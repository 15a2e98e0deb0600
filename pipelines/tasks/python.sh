# Sourced, with the checkout as an argument. Sets `python` to a Python that has the checkout's packages: PYTHON,
# or that of the image (pipelines/image), or one that is set up now.
checkout=$1 image=${IMAGE:-/opt/platform}
if [ -n "${PYTHON:-}" ]; then
    python=$PYTHON
elif cmp -s "$checkout/requirements.txt" "$image/requirements.txt" && diff -rq "$checkout/tools/pulumi" "$image/tools/pulumi" >/dev/null; then
    python=$image/.venv/bin/python
else
    (cd "$checkout" && python3 tools/setup.py)
    python=$checkout/.venv/bin/python
fi
PATH=$(dirname "$python"):$PATH # Pulumi's CLI is there too
