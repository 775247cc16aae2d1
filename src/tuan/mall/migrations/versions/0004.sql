-- Alipay signs within the body; WeChat Pay signs in these.
ALTER TABLE notify_log ADD headers jsonb NOT NULL DEFAULT '{}';
