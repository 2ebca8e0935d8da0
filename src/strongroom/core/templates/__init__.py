"""
The language of deployment templates: ARM JSON, as people write it and as Bicep compiles to it.

    text -> `source` -> `document` -> `parameters` -> `plan` -> bodies and outputs, evaluated as they are needed
                                           `expressions` -> `evaluation` over the tables of functions

Pure: what differs from one deployment to the next, such as the time and the answers of `reference`, is handed in. It
sends nothing and knows no resource: what a plan comes to is `strongroom.arm`'s. Every evaluation has a budget
(`evaluation.Budget`), so no template can hold the service.
"""
