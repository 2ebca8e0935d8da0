"""
X.509: certificates, requests and what hands them out. The private keys are `crypto.keys`'.

Whatever is signed here may be signed by a key in a token: see `signing`. Importing these modules costs a tenth of a
second (`cryptography.x509`): import them in the function that needs them.
"""
