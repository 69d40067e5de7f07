-- Keys of the speech services. What an operator has set stays as it is.
INSERT OR IGNORE INTO system_config (key, value) VALUES
    ('kokoro_service_enabled', 'false'),
    ('kokoro_voice', 'af_sky'),
    ('kokoro_service_status', 'stopped'),
    ('piper_service_enabled', 'true'),
    ('piper_model_path', ''),
    ('piper_service_status', 'stopped');
