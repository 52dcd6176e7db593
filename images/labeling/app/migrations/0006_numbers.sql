-- The number of a restriction is the database's to give: who chose one learned by the answer whether it was taken.
REVOKE INSERT ON labeling.restriction FROM labeling;
GRANT INSERT (label_id, portion, groups) ON labeling.restriction TO labeling;
