"""
A corpus of credentials, each in a text as people write it, and of texts that only look like them.

``MARK`` is part of every credential: what shows it, leaks.
"""

from __future__ import annotations

from typing import Final

MARK: Final = "Xk9Qz"
_BODY: Final = f"{MARK}0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT"
_KEY_LINES: Final = "\n".join(
    f"MIIEpAIBAAKCAQEA{MARK}{number:02}abcdefghijklmnopqrstuvwxyzABCDEFGHIJ" for number in range(4)
)
_PEM: Final = f"-----BEGIN RSA PRIVATE KEY-----\n{_KEY_LINES}\n{MARK}==\n-----END RSA PRIVATE KEY-----"

HIDDEN_TEXTS: Final = {
    "user information": f"https://user:{MARK}-pass@host.example/x",
    "user information with a port": f"https://user:{MARK}@host.example:8443/x",
    "user information of a database": f"postgres://app:{MARK}!@db.example/prod",
    "user information with a slash": f"https://user:{MARK}/y@host.example/x",
    "a token as user": f"https://{_BODY}@github.com/a/b.git",
    "user information, encoded": f"of https%3A%2F%2Fuser%3A{MARK}%40host.example read",
    "user information in JSON": f'{{"proxy": "http:\\/\\/user:{MARK}@proxy:3128"}}',
    "a private key": f"cat > key.pem <<X\n{_PEM}\nX",
    "an OpenSSH key": _PEM.replace("RSA PRIVATE", "OPENSSH PRIVATE"),
    "a key without its end": _PEM.partition(f"{MARK}==")[0],
    "a key without its beginning": _PEM.partition("\n")[2],
    "a key on one line": _PEM.replace("\n", "\\n"),
    "a key in a diff": "\n".join(f"+{line}" for line in _PEM.split("\n")),
    "a GitHub token": f"git clone https://ghp_{_BODY}@github.com/a/b",
    "a fine-grained GitHub token": f"github_pat_11{_BODY}_{_BODY}",
    "a GitLab token": f"glpat-{_BODY}",
    "an Entra client secret": f"abc8Q~{_BODY}",
    "an AWS key": f"AKIA0123456789ABCDEF\nexport AWS_SECRET_ACCESS_KEY={_BODY}",
    "a Slack token": f"xoxb-123456789012-{_BODY}",
    "a shared access signature": f"https://a.blob.core.windows.net/c/p?sv=2024-11-04&sig={_BODY}%3D",
    "an agent token": f"export AZP_TOKEN={MARK}abc",
    "an agent token, quoted": f'AZP_TOKEN="{MARK} abc"',
    "an agent token of cmd": f"set AZP_TOKEN={MARK}abc",
    "an agent token of PowerShell": f"$env:AZP_TOKEN = '{MARK}abc'",
    "a default of a variable": f"AZP_TOKEN=${{AZP_TOKEN:-{MARK}}}",
    "a variable of a program": f'password = "{MARK}"',
    "a personal access token": f"AZURE_DEVOPS_EXT_PAT={MARK}abc",
    "curl with a user": f"curl -u a:{MARK} https://host.example",
    "curl with flags": f'curl -fsSL -u "alice:{MARK}" https://host.example',
    "curl with a long option": f"curl --user=a:{MARK} https://host.example",
    "curl over lines": f"curl -fsSL \\\n  -u a:{MARK} \\\n  https://host.example",
    "a key in a header": f'curl -H "x-api-key: {MARK}" https://host.example',
    "a function key in a header": f"curl -H 'x-functions-key:{MARK}' https://host.example",
    "authorization": f"curl -H 'Authorization: Basic {MARK}dXNlcjpw'",
    "authorization by a bearer": f"Authorization: Bearer {_BODY}",
    "a header of GitLab": f"PRIVATE-TOKEN: {MARK}abc",
    "a connection string": f"Server=s;User Id=sa;Pwd={MARK};Encrypt=true",
    "another connection string": f"Server=s;User Id=sa;Password={MARK}!,x",
    "an account key": f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={_BODY}==;EndpointSuffix=x",
    "a key of a service bus": f"Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey={_BODY}=",
    "JSON": f'{{"proxyPassword": "{MARK}"}}',
    "JSON in JSON": f'{{\\"password\\": \\"{MARK}\\"}}',
    "YAML in a script": f"cat > app.yaml <<X\ndb:\n  password: {MARK}1\nX",
    "a pair": f'{{"name": "DB_PASSWORD", "value": "{MARK}"}}',
    "a default of a template": f'"password": {{"type": "string", "defaultValue": "{MARK}"}}',
    "an option": f"mysql --password={MARK} app",
    "another option": f"app --client-secret {MARK}1",
    "an option of PowerShell": f"New-Thing -Password '{MARK} x'",
    "a secure string": f'ConvertTo-SecureString "{MARK}" -AsPlainText -Force',
    "XML": f"<password>{MARK}</password>",
}

SHOWN_TEXTS: Final = (
    "passwordPolicy: strict",
    "keyVaultName=contoso-kv",
    '"adminPassword": "[parameters(\'password\')]"',
    "PASSWORD=$PASSWORD",
    'export PASSWORD="${PASSWORD:?}"',
    "PASSWORD=$(az keyvault secret show --name agent --query value -o tsv)",
    "$password = Get-AzKeyVaultSecret -Name agent",
    "set PASSWORD=%PASSWORD%",
    'token = os.environ["AZP_TOKEN"]',
    "password = getpass.getpass()",
    '"password": ""',
    '"password": "<your password>"',
    '"password": "changeme"',
    "password: null",
    'curl -u "$USER:$PASSWORD" https://host.example',
    'curl -H "Authorization: Bearer $TOKEN" https://host.example',
    "https://$USER:$PASSWORD@host.example/x",
    "https://user:${TOKEN}@host.example/x",
    "https://contoso@dev.azure.com/contoso/_git/agent",
    "https://registry.example/@scope/package@1.0.0",
    "mail to ops@contoso.example",
    "PublicKeyToken=b77a5c561934e089",
    "docker run -u 1000:1000 agent",
    "tokenType: Bearer",
    "the password: it must be long",
    '"label": {"password": "Password", "confirmPassword": "Confirm password"}',
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExample",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYD\n-----END CERTIFICATE-----",
    "PWD=/opt/agent",
    "TOKEN_FILE=/run/secrets/token",
    "sortKey=name",
    "maxTokens=4096",
    "x-ms-secret: true",
    "secretName: agent-tls",
    "mysql --password-stdin",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "RECONCILER_CREDENTIAL=token",
)
