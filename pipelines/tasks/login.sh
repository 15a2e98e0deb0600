# Sourced: who this build is in Azure. TOKEN is what Concourse signed for this job; Entra takes it for the
# stack's deployer (bootstrap/), and no password is kept anywhere.
: "${TOKEN:?the task gets no identity token}"
umask 077
printf %s "$TOKEN" >"$private/token"
unset TOKEN
known() { "$python" -c 'import sys, yaml
found = yaml.safe_load(open("platform/pipelines/vars/platform.yml"))["state"]
for key in sys.argv[1].split("."): found = found[key]
print(found)' "$1"; }

ARM_CLIENT_ID=$(known "deployers.$STACK") || {
    echo "pipelines/vars/platform.yml has no deployer of $STACK (docs/runbooks/add-an-environment.md)" >&2
    exit 2
}
ARM_TENANT_ID=$(known tenant)
PULUMI_BACKEND_URL=$(known backend)
export ARM_CLIENT_ID ARM_TENANT_ID PULUMI_BACKEND_URL
export ARM_USE_OIDC=true ARM_OIDC_TOKEN_FILE_PATH="$private/token" # the providers of Azure and Entra
export AZURE_CLIENT_ID=$ARM_CLIENT_ID AZURE_TENANT_ID=$ARM_TENANT_ID # the state and its key, and kubelogin
export AZURE_FEDERATED_TOKEN_FILE="$private/token" AZURE_AUTHORITY_HOST=https://login.microsoftonline.com/
export AAD_LOGIN_METHOD=workloadidentity

program=$(find kubelogin/rootfs -name kubelogin -type f -perm -u+x | head -n 1)
[ -n "$program" ] || { echo "the image of kubelogin has no kubelogin in it" >&2; exit 1; }
PATH=$(dirname "$PWD/$program"):$PATH
