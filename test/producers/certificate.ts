/**
 * For tests only: a self-made certificate for `localhost` (no IP address in it), valid to the year 2126, so that no
 * openssl is needed.
 */
export const testCertificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjeiMOdA+GXEEg4XW
q9xVpMdA8p3gwun6qcjwDtPzfg+hRANCAAQzt/iXgw76hi6VaxHRw0sC+WUdF/9Z
fiovHdk6Rhwamv97xOco17dD3arAcrBtaclw9I5XfhR448bA5ytHCgHD
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUWxUiPd93TjhnGRot8wT0isvCulIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA5NTQyN1oYDzIxMjYxMDI4
MDk1NDI3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQzt/iXgw76hi6VaxHRw0sC+WUdF/9ZfiovHdk6Rhwamv97xOco17dD
3arAcrBtaclw9I5XfhR448bA5ytHCgHDo2kwZzAdBgNVHQ4EFgQUdXP+IPsApa+K
+sLaWDVYupXdyMIwHwYDVR0jBBgwFoAUdXP+IPsApa+K+sLaWDVYupXdyMIwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SAAwRQIhANrJN+bvAVJunadtXcB9QIyprlbl3wWSOZUpOHXQWa+OAiB56eMtSYDM
hzgNgIehqNeKsWnyB2MZKYnnzR5Ssyeezw==
-----END CERTIFICATE-----
`,
} as const;
