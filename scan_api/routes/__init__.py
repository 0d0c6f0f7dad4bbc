"""One router a subject: who may call, what comes in, one use case, what goes out."""
