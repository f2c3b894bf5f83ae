-- The report of fairness of a day, as it went out on correction.report.
CREATE TABLE reports (
    cut_us bigint PRIMARY KEY,         -- the day's end
    day    text NOT NULL,
    value  text NOT NULL
);
CREATE INDEX cases_opened ON cases (opened_us);
