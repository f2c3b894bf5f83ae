-- Lines of batches by the institution's own serial: a line sent again gets the code it has.
CREATE TABLE batch_lines (
    app_id       text NOT NULL,
    line_serial  text NOT NULL,
    digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
    serial_hmac  bytea NOT NULL CHECK (octet_length(serial_hmac) = 32),
    created_us   bigint NOT NULL,
    PRIMARY KEY (app_id, line_serial)
);
CREATE INDEX batch_lines_by_code ON batch_lines (serial_hmac);
