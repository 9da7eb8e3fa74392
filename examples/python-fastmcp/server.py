"""A FastMCP server whose tokens a Grantkeeper tenant issues, and whose revocations it obeys at once."""

import asyncio
import base64
import json
import os
import urllib.request

from fastmcp import FastMCP
from fastmcp.server.auth import AccessToken, RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token
from pydantic import AnyHttpUrl

from revocation_feed import RevocationFeed

ISSUER = os.environ["ISSUER"]
RESOURCE = os.environ["RESOURCE"]
CREDENTIAL = os.environ["GRANTKEEPER_CREDENTIAL"]


class GrantkeeperVerifier(JWTVerifier):
    """FastMCP checks signature, issuer, audience and expiry; the feed knows whether the token still stands."""

    def __init__(self, metadata: dict, tenant: str) -> None:
        super().__init__(jwks_uri=metadata["jwks_uri"], issuer=ISSUER, audience=RESOURCE, algorithm="RS256")
        self.tenant = tenant
        self.feed = RevocationFeed(metadata["grantkeeper_revocation_feed"], CREDENTIAL)
        self.feed.start()

    async def verify_token(self, token: str) -> AccessToken | None:
        access = await super().verify_token(token)
        if access is None:
            return None
        header, claims = (decoded(part) for part in token.split(".")[:2])
        if header.get("typ", "").lower() != "at+jwt" or claims["tenant"] != self.tenant:
            return None
        # A token that is bound to a key (RFC 9449) needs a proof, which FastMCP does not hand on.
        if "cnf" in claims:
            return None
        # 'unknown' must not be accepted either. FastMCP answers 401 where the guard for Node answers 503.
        # In a thread: when the feed is silent, this asks it.
        standing = await asyncio.to_thread(self.feed.standing, claims, header["kid"])
        return access if standing == "active" else None


def decoded(part: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def issuer_metadata() -> dict:
    origin, _, path = ISSUER.partition("/t/")
    with urllib.request.urlopen(f"{origin}/.well-known/oauth-authorization-server/t/{path}", timeout=5) as response:
        metadata = json.load(response)
    if metadata["issuer"] != ISSUER:
        raise ValueError("This is the metadata of another issuer.")
    return metadata


def tenant_of(credential: str) -> str:
    """`gkp_` and base64url of tenant, point and a secret."""
    number = base64.urlsafe_b64decode(credential.removeprefix("gkp_") + "==")[:16].hex()
    return "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))


verifier = GrantkeeperVerifier(issuer_metadata(), tenant_of(CREDENTIAL))
mcp = FastMCP(
    "Tickets",
    auth=RemoteAuthProvider(
        token_verifier=verifier,
        authorization_servers=[AnyHttpUrl(ISSUER)],
        base_url=RESOURCE.removesuffix("/mcp"),
    ),
)


@mcp.tool
def whoami() -> str:
    """Says on whose behalf you call."""
    return get_access_token().claims["sub"]


if __name__ == "__main__":
    try:
        mcp.run(transport="http", host="127.0.0.1", port=int(os.environ.get("PORT", "4000")))
    finally:
        verifier.feed.stop()
