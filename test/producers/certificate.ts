/**
 * For tests only: a self-made certificate for `localhost` (no IP address in it), valid from the year 2020 to
 * 2126, so that neither openssl nor a certain date is needed.
 */
export const testCertificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjeiMOdA+GXEEg4XW
q9xVpMdA8p3gwun6qcjwDtPzfg+hRANCAAQzt/iXgw76hi6VaxHRw0sC+WUdF/9Z
fiovHdk6Rhwamv97xOco17dD3arAcrBtaclw9I5XfhR448bA5ytHCgHD
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBYjCCAQmgAwIBAgIDTxwtMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCWxvY2Fs
aG9zdDAgFw0yMDAxMDEwMDAwMDBaGA8yMTI2MDEwMTAwMDAwMFowFDESMBAGA1UE
AwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEM7f4l4MO+oYu
lWsR0cNLAvllHRf/WX4qLx3ZOkYcGpr/e8TnKNe3Q92qwHKwbWnJcPSOV34UeOPG
wOcrRwoBw6NIMEYwHQYDVR0OBBYEFHVz/iD7AKWvivrC2lg1WLqV3cjCMA8GA1Ud
EwEB/wQFMAMBAf8wFAYDVR0RBA0wC4IJbG9jYWxob3N0MAoGCCqGSM49BAMCA0cA
MEQCIAQEP2l9Z5GpdXTqXN8lq8j4oQvRgnjwE0HEbcq/9A2ZAiBG38DWWJSeBXbX
wba+UbiQjtK99zqggeUECBF4N9ztFw==
-----END CERTIFICATE-----
`,
} as const;
