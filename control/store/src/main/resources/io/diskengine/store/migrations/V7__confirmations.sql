-- A confirmation promises nothing that the grant did not promise: it raises no counter (law 13), so
-- that it takes no lock that all nodes share and may be said again after a crash.
DROP TRIGGER sequence ON lvol_grant;
CREATE CONSTRAINT TRIGGER sequence AFTER INSERT ON lvol_grant
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION raise_sequence();
CREATE CONSTRAINT TRIGGER sequence_of_change AFTER UPDATE ON lvol_grant
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.volume_epoch <> NEW.volume_epoch
    OR (OLD.state <> NEW.state AND NEW.state <> 'GRANTED'))
  EXECUTE FUNCTION raise_sequence();
