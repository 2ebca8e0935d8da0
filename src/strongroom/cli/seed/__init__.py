"""
`strongroom apply` and `strongroom export`: what an instance is to be, in one file, and what it is.

It owns the file's form (`document`), the state as plain values (`items`), the difference between two states (`plan`),
and how each kind of thing is read and written (`kinds` and the modules it names). It decides no right: everything goes
through the public API with the operator's own token, and through the control socket what is the instance operator's.

    file -- reading, schema --> entries -- kinds --> desired items -+
                                                                    +-- plan --> changes -- apply --> instance
    instance ------------------- kinds ------------> actual items --+
"""
