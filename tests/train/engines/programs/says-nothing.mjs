/** Ends well without an answer. */
