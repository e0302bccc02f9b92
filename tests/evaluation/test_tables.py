from pyskl.evaluation.tables import result_lines


def test_numbers_are_one_line_and_classes_and_matrices_are_tables():
    result = {'top1_acc': 0.5, 'per_class_accuracy': [1.0, float('nan')], 'confusion_matrix': [[10, 0], [3, 4]]}
    assert result_lines(result) == [
        'top1_acc: 0.5000',
        'per_class_accuracy:',
        '  class   0  1.0000',
        '  class   1  no clips',
        'confusion_matrix: rows are the labels, columns the predictions',
        '         0  1',
        '      0 10  0',
        '      1  3  4',
    ]
