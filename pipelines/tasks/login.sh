# Sourced. Logs the build in to Azure: Concourse signed TOKEN for this job, and Entra accepts it for the stack's
# deployer (bootstrap/). There is no password.
: "${TOKEN:?the identity token is missing}"
umask 077
printf %s "$TOKEN" >"$private/token"
unset TOKEN
setting() { "$python" -c 'import sys, yaml
found = yaml.safe_load(open("platform/pipelines/vars/platform.yml"))["state"]
for key in sys.argv[1].split("."): found = found[key]
print(found)' "$1"; }

ARM_CLIENT_ID=$(setting "deployers.$STACK") || {
    echo "pipelines/vars/platform.yml has no deployer for $STACK (docs/runbooks/add-an-environment.md)" >&2
    exit 2
}
ARM_TENANT_ID=$(setting tenant)
PULUMI_BACKEND_URL=$(setting backend)
export ARM_CLIENT_ID ARM_TENANT_ID PULUMI_BACKEND_URL
export ARM_USE_OIDC=true ARM_OIDC_TOKEN_FILE_PATH="$private/token" # the providers of Azure and Entra
export AZURE_CLIENT_ID=$ARM_CLIENT_ID AZURE_TENANT_ID=$ARM_TENANT_ID # state backend, state key and kubelogin
export AZURE_FEDERATED_TOKEN_FILE="$private/token" AZURE_AUTHORITY_HOST=https://login.microsoftonline.com/
export AAD_LOGIN_METHOD=workloadidentity

program=$(find kubelogin/rootfs -name kubelogin -type f -perm -u+x | head -n 1)
[ -n "$program" ] || { echo "the kubelogin image has no executable kubelogin" >&2; exit 1; }
PATH=$(dirname "$PWD/$program"):$PATH
